#include <algorithm>
#include <array>

#include "mil/ops/hoist.h"
#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"
#include "mil/ops/window.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kX,
  kWeight,
  kBias,
  kPad,
  kOutputShape,
  kPadType,
  kStrides,
  kDilations,
  kGroups,
};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"weight", kFloat},
    {"bias", kFloat, Presence::optional},
    {"pad", kInt32, Presence::optional, BindingRule::constant},
    {"output_shape", kInt32, Presence::optional, BindingRule::constant},
    {"pad_type", kString, Presence::optional, BindingRule::constant},
    {"strides", kInt32, Presence::optional, BindingRule::constant},
    {"dilations", kInt32, Presence::optional, BindingRule::constant},
    {"groups", kInt32, Presence::optional, BindingRule::constant}};
constexpr WindowParameters kWindow{
    .strides = kStrides, .pad_type = kPadType, .pad = kPad, .dilations = kDilations};

/// Sets the output of an axis whose input is known, and the pads of `same`: those which a
/// convolution over that output would have.
void place_axis(WindowAxis& axis, PadType pad_type, std::optional<int64_t> asked) {
  const bool same = pad_type == PadType::same || pad_type == PadType::same_lower;
  const int64_t full = (axis.input - 1) * axis.stride + axis.span();
  if (asked) {
    axis.output = *asked;
  } else {
    const int64_t cut = full - axis.pad_before - axis.pad_after;
    axis.output = same ? axis.input * axis.stride : std::max<int64_t>(cut, 0);
  }
  if (!same) return;
  const int64_t pads = std::max<int64_t>(0, full - axis.output);
  const int64_t smaller = pads / 2;
  axis.pad_before = pad_type == PadType::same ? smaller : pads - smaller;
  axis.pad_after = pads - axis.pad_before;
}

std::variant<Window, Violation> window_of(const Operands& in) {
  const auto kernel = in.shape(kWeight).dims().subspan(2);
  auto read = read_window(in, kWindow, in.shape(kX), kernel);
  auto* window = std::get_if<Window>(&read);
  if (window == nullptr) return read;
  const auto asked = in.integers(kOutputShape);
  if (asked && asked->size() != in.shape(kX).rank())
    return violates("c7", "output_shape holds {} numbers, expected {}", asked->size(),
                    in.shape(kX).rank());
  if (asked && std::ranges::any_of(*asked, [](int64_t dim) { return dim <= 0; }))
    return violates("c7", "output_shape needs positive numbers");
  for (size_t i = 0; i < window->axis_count; ++i) {
    WindowAxis& axis = window->own_axes()[i];
    const auto output = asked ? std::optional((*asked)[i + 2]) : std::nullopt;
    if (axis.input == kUnknownDim || axis.kernel == kUnknownDim) {
      axis.output = output.value_or(kUnknownDim);
    } else {
      place_axis(axis, window->pad_type, output);
    }
  }
  return read;
}

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& weight = in.shape(kWeight);
  if (weight.rank() < 3 || weight.rank() != x.rank())
    return violates("c1", "x has rank {} and weight {}, expected the same, 3 to 5", x.rank(),
                    weight.rank());
  const auto window = window_of(in);
  if (const auto* violation = std::get_if<Violation>(&window)) return *violation;

  const int64_t groups = in.integer(kGroups, 1);
  if (groups < 1) return violates("c5", "groups is {}, expected 1 or more", groups);
  if (x[1] != kUnknownDim && weight[0] != kUnknownDim && (x[1] != weight[0] || x[1] % groups != 0))
    return violates("c5", "x has {} channels and weight takes {} in {} groups", x[1], weight[0],
                    groups);
  // An unknown dimension, like a product out of range, gives nothing.
  const auto product = checked_element_count(std::array{weight[1], groups});
  const int64_t channels = product.value_or(kUnknownDim);
  if (in.has(kBias) && !shapes_agree(in.shape(kBias), Shape{channels}))
    return violates("c6", "bias is {}, expected [{}], one for each channel of the result",
                    in.shape(kBias).to_string(), channels);
  const auto asked = in.integers(kOutputShape);
  if (asked && ((x[0] != kUnknownDim && (*asked)[0] != x[0]) || (*asked)[1] != channels))
    return violates("c7", "output_shape begins [{}, {}], expected [{}, {}]", (*asked)[0],
                    (*asked)[1], x[0], channels);
  if (const auto wrong = mixed_dtype(in, kWeight, "weight", "c8")) return *wrong;
  if (const auto wrong = mixed_dtype(in, kBias, "bias", "c8")) return *wrong;

  const auto shape = window_output(std::get<Window>(window), x[0], channels);
  if (const auto* violation = std::get_if<Violation>(&shape)) return *violation;
  return infers(in.dtype(kX), std::get<Shape>(shape));
}

/// sums[source of each element of x under the tap] += weight * x, for one channel of each.
void add_tap(const Window& window, const std::array<int64_t, Window::kMostAxes>& taps,
             const float* x, double weight, std::vector<double>& sums) {
  const auto& [depth, height, width] = window.axes;
  const auto inside = [](const WindowAxis& axis, int64_t at) {
    return at >= 0 && at < axis.output;
  };
  for (int64_t d = 0; d < depth.input; ++d) {
    const int64_t out_d = depth.source(d, taps[0]);
    if (!inside(depth, out_d)) continue;
    for (int64_t h = 0; h < height.input; ++h) {
      const int64_t out_h = height.source(h, taps[1]);
      if (!inside(height, out_h)) continue;
      const float* row = x + (d * height.input + h) * width.input;
      double* sum = sums.data() + (out_d * height.output + out_h) * width.output;
      for (int64_t w = 0; w < width.input; ++w) {
        const int64_t out_w = width.source(w, taps[2]);
        if (inside(width, out_w)) sum[out_w] += weight * static_cast<double>(row[w]);
      }
    }
  }
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor* bias = in.value(kBias);
  const Window window = std::get<Window>(window_of(in));
  const auto& [depth, height, width] = window.axes;
  const int64_t groups = in.integer(kGroups, 1);
  const int64_t group_inputs = x.shape()[1] / groups;
  const int64_t group_outputs = in.shape(kWeight)[1];
  const int64_t channels = group_outputs * groups;
  const int64_t x_size = depth.input * height.input * width.input;
  const int64_t out_size = depth.output * height.output * width.output;
  const int64_t kernel_size = depth.kernel * height.kernel * width.kernel;
  const std::vector<float> values = hoist(x);
  const std::vector<float> weight = hoist(*in.value(kWeight));
  std::vector<double> sums(static_cast<size_t>(out_size));
  for (int64_t batch = 0; batch < x.shape()[0]; ++batch) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      std::ranges::fill(sums, bias != nullptr ? bias->at(channel) : 0);
      const int64_t first_input = channel / group_outputs * group_inputs;
      for (int64_t input = first_input; input < first_input + group_inputs; ++input) {
        const float* plane = values.data() + (batch * x.shape()[1] + input) * x_size;
        const float* next =
            weight.data() + (input * group_outputs + channel % group_outputs) * kernel_size;
        for (int64_t d = 0; d < depth.kernel; ++d)
          for (int64_t h = 0; h < height.kernel; ++h)
            for (int64_t w = 0; w < width.kernel; ++w)
              add_tap(window, {d, h, w}, plane, static_cast<double>(*next++), sums);
      }
      const int64_t start = (batch * channels + channel) * out_size;
      for (int64_t i = 0; i < out_size; ++i)
        outputs[0].set(start + i, sums[static_cast<size_t>(i)]);
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_conv_transpose{
    .name = "conv_transpose",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The transpose of conv: every element of x adds a copy of weight [channels of x, "
        "channels of a group of the result, kernel] to the result; output_shape, where given, "
        "cuts or extends it at the end; sums in fp64, rounded once."};

}  // namespace anemone::mil
