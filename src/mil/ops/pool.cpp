#include "mil/ops/pool.h"

#include <algorithm>

#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

constexpr WindowParameters kWindow{
    .strides = kPoolStrides, .pad_type = kPoolPadType, .pad = kPoolPad, .dilations = std::nullopt};

std::variant<Window, Violation> window_of(const Operands& in) {
  const size_t rank = in.shape(kPoolX).rank();
  const auto sizes = in.integers(kPoolKernelSizes);
  if (sizes && std::ranges::any_of(*sizes, [](int64_t size) { return size <= 0; }))
    return violates("c2", "kernel_sizes need positive numbers");
  const auto kernel = sizes.value_or(std::vector<int64_t>(rank < 2 ? 0 : rank - 2, kUnknownDim));
  auto window = read_window(in, kWindow, in.shape(kPoolX), kernel);
  if (auto* read = std::get_if<Window>(&window))
    place_window(*read, in.boolean(kPoolCeilMode, false));
  return window;
}

std::optional<Violation> ceil_violation(const Operands& in, const Window& window) {
  if (!in.boolean(kPoolCeilMode, false)) return std::nullopt;
  constexpr size_t kMostCeilAxes = 2;
  if (window.axis_count > kMostCeilAxes)
    return violates("c5", "ceil_mode takes 1 or 2 spatial axes, not {}", window.axis_count);
  if (window.pad_type == PadType::same) return violates("c5", "ceil_mode does not go with same");
  for (const WindowAxis& axis : window.own_axes())
    if (axis.pad_before != axis.pad_after)
      return violates("c5", "ceil_mode needs equal padding on both sides, not {} and {}",
                      axis.pad_before, axis.pad_after);
  return std::nullopt;
}

/// Taps of a window at `position` that lie inside the input, and those inside input and padding.
struct Taps {
  int64_t first;
  int64_t last;
  int64_t padded;
};

Taps taps_at(const WindowAxis& axis, int64_t position) {
  const int64_t start = axis.source(position, 0);
  const int64_t end = std::min(start + axis.kernel, axis.input + axis.pad_after);
  return {std::max<int64_t>(start, 0), std::min(end, axis.input),
          std::max<int64_t>(end - start, 0)};
}

Pooled read_pooled(const Tensor& x, const Window& window, int64_t plane,
                   const std::array<int64_t, Window::kMostAxes>& position) {
  const auto& [depth, height, width] = window.axes;
  const Taps d_taps = taps_at(depth, position[0]);
  const Taps h_taps = taps_at(height, position[1]);
  const Taps w_taps = taps_at(width, position[2]);
  Pooled pooled;
  for (int64_t d = d_taps.first; d < d_taps.last; ++d)
    for (int64_t h = h_taps.first; h < h_taps.last; ++h)
      for (int64_t w = w_taps.first; w < w_taps.last; ++w)
        pooled.elements.push_back(
            x.at(((plane * depth.input + d) * height.input + h) * width.input + w));
  pooled.padded_count = d_taps.padded * h_taps.padded * w_taps.padded;
  return pooled;
}

}  // namespace

Inferred infer_pool(const Operands& in, size_t) {
  const auto window = window_of(in);
  if (const auto* violation = std::get_if<Violation>(&window)) return *violation;
  if (const auto wrong = ceil_violation(in, std::get<Window>(window))) return *wrong;
  const Shape& x = in.shape(kPoolX);
  const auto shape = window_output(std::get<Window>(window), x[0], x[1]);
  if (const auto* violation = std::get_if<Violation>(&shape)) return *violation;
  return infers(in.dtype(kPoolX), std::get<Shape>(shape));
}

void pool_windows(const Operands& in, Tensor& out, double (*pool)(const Pooled&)) {
  const Tensor& x = *in.value(kPoolX);
  const Window window = std::get<Window>(window_of(in));
  const auto& [depth, height, width] = window.axes;
  int64_t index = 0;
  for (int64_t plane = 0; plane < x.shape()[0] * x.shape()[1]; ++plane)
    for (int64_t d = 0; d < depth.output; ++d)
      for (int64_t h = 0; h < height.output; ++h)
        for (int64_t w = 0; w < width.output; ++w)
          out.set(index++, pool(read_pooled(x, window, plane, {d, h, w})));
}

}  // namespace anemone::mil
