#include <algorithm>

#include "mil/ops/hoist.h"
#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"
#include "mil/ops/window.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kWeight, kBias, kStrides, kPadType, kPad, kDilations, kGroups };
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"weight", kFloat},
    {"bias", kFloat, Presence::optional},
    {"strides", kInt32, Presence::optional, BindingRule::constant},
    {"pad_type", kString, Presence::optional, BindingRule::constant},
    {"pad", kInt32, Presence::optional, BindingRule::constant},
    {"dilations", kInt32, Presence::optional, BindingRule::constant},
    {"groups", kInt32, Presence::optional, BindingRule::constant}};
constexpr WindowParameters kWindow{
    .strides = kStrides, .pad_type = kPadType, .pad = kPad, .dilations = kDilations};

std::variant<Window, Violation> window_of(const Operands& in) {
  const auto kernel = in.shape(kWeight).dims().subspan(2);
  auto window = read_window(in, kWindow, in.shape(kX), kernel);
  if (auto* read = std::get_if<Window>(&window)) place_window(*read, false);
  return window;
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
  if (x[1] != kUnknownDim && weight[1] != kUnknownDim &&
      (x[1] % groups != 0 || x[1] / groups != weight[1]))
    return violates("c5", "x has {} channels, expected {} in each of {} groups", x[1], weight[1],
                    groups);
  if (weight[0] != kUnknownDim && weight[0] % groups != 0)
    return violates("c5", "weight makes {} channels, which {} groups do not divide", weight[0],
                    groups);
  if (in.has(kBias) && !shapes_agree(in.shape(kBias), Shape{weight[0]}))
    return violates("c6", "bias is {}, expected [{}], one for each channel of the result",
                    in.shape(kBias).to_string(), weight[0]);
  const auto dilations = in.integers(kDilations);
  if (!in.at(kWeight).constant && dilations &&
      std::ranges::any_of(*dilations, [](int64_t dilation) { return dilation > 1; }))
    return violates("c7", "dilations need a constant weight");
  if (const auto wrong = mixed_dtype(in, kWeight, "weight", "c8")) return *wrong;
  if (const auto wrong = mixed_dtype(in, kBias, "bias", "c8")) return *wrong;

  const auto shape = window_output(std::get<Window>(window), x[0], weight[0]);
  if (const auto* violation = std::get_if<Violation>(&shape)) return *violation;
  return infers(in.dtype(kX), std::get<Shape>(shape));
}

/// Positions whose tap lies inside the input: [first, last).
struct Range {
  int64_t first;
  int64_t last;
};

Range positions_inside(const WindowAxis& axis, int64_t tap) {
  const int64_t shift = axis.source(0, tap);  // source(position) = position * stride + shift
  const int64_t first = shift >= 0 ? 0 : (-shift + axis.stride - 1) / axis.stride;
  const int64_t last = shift >= axis.input ? 0 : (axis.input - 1 - shift) / axis.stride + 1;
  return {first, std::min(last, axis.output)};
}

/// sums += weight * x, for one channel of x and one tap at every position.
void add_tap(const Window& window, const std::array<int64_t, Window::kMostAxes>& taps,
             const float* x, double weight, std::vector<double>& sums) {
  const auto& [depth, height, width] = window.axes;
  const Range d_range = positions_inside(depth, taps[0]);
  const Range h_range = positions_inside(height, taps[1]);
  const Range w_range = positions_inside(width, taps[2]);
  for (int64_t d = d_range.first; d < d_range.last; ++d) {
    for (int64_t h = h_range.first; h < h_range.last; ++h) {
      const float* row =
          x + (depth.source(d, taps[0]) * height.input + height.source(h, taps[1])) * width.input;
      double* sum = sums.data() + (d * height.output + h) * width.output;
      for (int64_t w = w_range.first; w < w_range.last; ++w)
        sum[w] += weight * static_cast<double>(row[width.source(w, taps[2])]);
    }
  }
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& weight = *in.value(kWeight);
  const Tensor* bias = in.value(kBias);
  const Window window = std::get<Window>(window_of(in));
  const auto& [depth, height, width] = window.axes;
  const int64_t group_inputs = weight.shape()[1];
  const int64_t channels = weight.shape()[0];
  const int64_t group_outputs = channels / in.integer(kGroups, 1);
  const int64_t x_size = depth.input * height.input * width.input;
  const int64_t out_size = depth.output * height.output * width.output;
  const int64_t kernel_size = depth.kernel * height.kernel * width.kernel;
  const std::vector<float> values = hoist(x);
  std::vector<double> sums(static_cast<size_t>(out_size));
  for (int64_t channel = 0; channel < channels; ++channel) {
    const std::vector<float> kernel =
        hoist(weight, channel * group_inputs * kernel_size, group_inputs * kernel_size);
    const int64_t first_input = channel / group_outputs * group_inputs;
    for (int64_t batch = 0; batch < x.shape()[0]; ++batch) {
      std::ranges::fill(sums, bias != nullptr ? bias->at(channel) : 0);
      const float* next = kernel.data();
      for (int64_t input = 0; input < group_inputs; ++input) {
        const float* plane = values.data() + (batch * x.shape()[1] + first_input + input) * x_size;
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

extern constinit const OpDef k_conv{
    .name = "conv",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The convolution of x [batch, channels, 1 to 3 spatial axes] with weight [channels of "
        "the result, channels of a group, kernel], plus bias; sums in fp64, rounded once."};

}  // namespace anemone::mil
