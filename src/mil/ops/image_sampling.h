#pragma once

#include "mil/op.h"

namespace anemone::mil {

/// What lies outside an image that is sampled at real coordinates.
enum class Padding : uint8_t {
  border,      ///< the nearest edge element.
  constant,    ///< one value.
  reflection,  ///< the image mirrored at its edge elements, which are not repeated.
  symmetric,   ///< the image mirrored behind its edge elements, which are repeated.
};
/// Parses Core ML's lower-case names.
std::optional<Padding> parse_padding(std::string_view name);

/// One channel of one image: `height` * `width` elements of a tensor from `offset` on.
struct Plane {
  const Tensor& image;
  int64_t offset;
  int64_t height;
  int64_t width;

  /// The element, or `constant` outside the plane.
  double at(int64_t row, int64_t column, double constant) const;
  /// Interpolated between the four elements around the point.
  double bilinear(double row, double column, Padding padding, double constant) const;
  /// The element at the point rounded to even.
  double nearest(double row, double column, Padding padding, double constant) const;
};

}  // namespace anemone::mil
