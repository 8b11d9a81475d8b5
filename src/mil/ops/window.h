#pragma once

#include <array>
#include <variant>

#include "mil/op.h"

/// Windows that convolutions and pools slide over the spatial axes of x: axes 2, 3 and 4.
namespace anemone::mil {

/// One spatial axis.
struct WindowAxis {
  int64_t input = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_before = 0;
  int64_t pad_after = 0;
  int64_t output = 1;

  /// Elements from the first tap to the last, both included.
  int64_t span() const { return (kernel - 1) * dilation + 1; }
  /// The input element under a tap; outside [0, input) lies padding.
  int64_t source(int64_t position, int64_t tap) const {
    return position * stride - pad_before + tap * dilation;
  }
};

enum class PadType : uint8_t { valid, same, same_lower, custom };

struct Window {
  static constexpr size_t kMostAxes = 3;
  /// Missing axes stand in front, with every length 1.
  std::array<WindowAxis, kMostAxes> axes;
  size_t axis_count = 0;
  PadType pad_type = PadType::valid;

  /// The axes that x has.
  std::span<WindowAxis> own_axes() { return std::span(axes).last(axis_count); }
  std::span<const WindowAxis> own_axes() const { return std::span(axes).last(axis_count); }
};

/// Places of the parameters that these ops share; pools have no dilations.
struct WindowParameters {
  size_t strides;
  size_t pad_type;
  size_t pad;
  std::optional<size_t> dilations;
};

/// What the parameters say of a window over x, with `kernel` taps along each of its spatial axes.
/// The pads of `same` and the outputs are not set yet. Constraints: c1 the rank of x is 3 to 5;
/// c2 kernel, strides and dilations have one positive int32 for each spatial axis; c3 pad_type is
/// known to the opset, and pad holds two numbers >= 0 for each spatial axis.
std::variant<Window, Violation> read_window(const Operands& in, const WindowParameters& places,
                                            const Shape& x, std::span<const int64_t> kernel);

/// Sets the pads of `same` (an odd element goes behind, or in front for `same_lower`) and the
/// outputs: floor((input + pads - span) / stride) + 1, kUnknownDim where input or kernel is.
/// With `ceil_mode` the quotient rounds up; where there is padding, a window that would begin
/// behind the input and its front padding is left out.
void place_window(Window& window, bool ceil_mode);

/// The shape [batch, channels, outputs…]; constraint c4: every output is positive.
std::variant<Shape, Violation> window_output(const Window& window, int64_t batch, int64_t channels);

}  // namespace anemone::mil
