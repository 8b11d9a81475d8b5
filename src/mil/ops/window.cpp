#include "mil/ops/window.h"

#include <algorithm>
#include <limits>

namespace anemone::mil {
namespace {

std::optional<PadType> parse_pad_type(std::string_view text, int opset) {
  if (text == "valid") return PadType::valid;
  if (text == "same") return PadType::same;
  if (text == "same_lower" && opset >= 16) return PadType::same_lower;
  if (text == "custom") return PadType::custom;
  return std::nullopt;
}

std::vector<int64_t> numbers(const Operands& in, std::optional<size_t> p, size_t count,
                             int64_t absent) {
  if (p) {
    if (auto given = in.integers(*p)) return *given;
  }
  return std::vector<int64_t>(count, absent);
}

bool are_positive(std::span<const int64_t> steps, size_t count) {
  return steps.size() == count && std::ranges::all_of(steps, [](int64_t step) { return step > 0; });
}

}  // namespace

std::variant<Window, Violation> read_window(const Operands& in, const WindowParameters& places,
                                            const Shape& x, std::span<const int64_t> kernel) {
  if (x.rank() < 3 || x.rank() > 5)
    return violates("c1", "x has rank {}, expected 3 to 5", x.rank());
  Window window;
  window.axis_count = x.rank() - 2;
  const size_t count = window.axis_count;

  const auto strides = numbers(in, places.strides, count, 1);
  const auto dilations = numbers(in, places.dilations, count, 1);
  const bool kernel_fits = kernel.size() == count && std::ranges::all_of(kernel, [](int64_t taps) {
                             return taps > 0 || taps == kUnknownDim;
                           });
  if (!kernel_fits || !are_positive(strides, count) || !are_positive(dilations, count))
    return violates("c2",
                    "kernel, strides and dilations need {} positive numbers each, one for "
                    "each spatial axis of x",
                    count);

  const std::string_view pad_type = in.text(places.pad_type, "valid");
  const auto parsed = parse_pad_type(pad_type, in.opset());
  if (!parsed)
    return violates("c3",
                    "pad_type is \"{}\", expected valid, same, custom or, from iOS16 on, "
                    "same_lower",
                    pad_type);
  window.pad_type = *parsed;
  std::vector<int64_t> pads(2 * count, 0);
  if (window.pad_type == PadType::custom) pads = numbers(in, places.pad, 2 * count, 0);
  if (pads.size() != 2 * count || std::ranges::any_of(pads, [](int64_t pad) { return pad < 0; }))
    return violates("c3", "pad needs {} numbers >= 0, two for each spatial axis of x", 2 * count);

  constexpr int64_t kLongestAxis =
      std::numeric_limits<int32_t>::max();  // products fit into 64 bits
  for (size_t i = 0; i < count; ++i)
    if (x[i + 2] > kLongestAxis || kernel[i] > kLongestAxis)
      return violates("c2", "spatial axes and kernel have at most {} elements", kLongestAxis);

  for (size_t i = 0; i < count; ++i)
    window.own_axes()[i] = {.input = x[i + 2],
                            .kernel = kernel[i],
                            .stride = strides[i],
                            .dilation = dilations[i],
                            .pad_before = pads[2 * i],
                            .pad_after = pads[2 * i + 1]};
  return window;
}

void place_window(Window& window, bool ceil_mode) {
  for (WindowAxis& axis : window.own_axes()) {
    if (axis.input == kUnknownDim || axis.kernel == kUnknownDim) {
      axis.output = kUnknownDim;
      continue;
    }
    if (window.pad_type == PadType::same || window.pad_type == PadType::same_lower) {
      const int64_t output = (axis.input + axis.stride - 1) / axis.stride;
      const int64_t pads =
          std::max<int64_t>(0, (output - 1) * axis.stride + axis.span() - axis.input);
      const int64_t smaller = pads / 2;
      axis.pad_before = window.pad_type == PadType::same ? smaller : pads - smaller;
      axis.pad_after = pads - axis.pad_before;
    }
    const int64_t room = axis.input + axis.pad_before + axis.pad_after - axis.span();
    if (room < 0) {
      axis.output = 0;
      continue;
    }
    axis.output = room / axis.stride + 1;
    if (!ceil_mode || room % axis.stride == 0) continue;
    const bool padded = axis.pad_before + axis.pad_after > 0;
    const bool begins_behind = axis.output * axis.stride >= axis.input + axis.pad_before;
    if (!padded || !begins_behind) ++axis.output;
  }
}

std::variant<Shape, Violation> window_output(const Window& window, int64_t batch,
                                             int64_t channels) {
  Shape shape{batch, channels};
  for (const WindowAxis& axis : window.own_axes()) {
    if (axis.output != kUnknownDim && axis.output <= 0)
      return violates("c4", "a window of {} elements does not fit into {} and its padding",
                      axis.span(), axis.input);
    shape.push_back(axis.output);
  }
  return shape;
}

}  // namespace anemone::mil
