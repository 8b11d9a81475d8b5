#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "mil/op.h"

/// How the image ops choose the points of an axis that they sample, and what lies between elements.
namespace anemone::mil {

/// Where the points of a resized axis lie on the axis it comes from.
enum class SamplingMode : uint8_t {
  align_corners,         ///< first and last elements coincide; a single point lies in the middle.
  default_,              ///< point i at i * in / out.
  offset_corners,        ///< points in the middle of equal parts of [0, in - 1].
  strict_align_corners,  ///< first and last elements coincide; a single point is the first.
  unalign_corners,       ///< elements are areas: point i at (i + 0.5) * in / out - 0.5.
};
/// Parses Core ML's upper-case names.
std::optional<SamplingMode> parse_sampling_mode(std::string_view name);

/// Point `i` of `out` on an axis of `in` elements (a box of an image need not be a whole number),
/// before it is clamped to the axis.
double sampling_point(SamplingMode mode, int64_t i, double in, int64_t out);

/// A sampled value: (1 - weight) * element first + weight * element second.
struct Tap {
  int64_t first = 0;
  int64_t second = 0;
  double weight = 0;
};
/// Linear interpolation at `point`, which is clamped to the axis of `length` elements.
Tap linear_tap(double point, int64_t length);
/// The element next to `point`, the lower one when two are equally near.
Tap nearest_tap(double point, int64_t length);

std::vector<Tap> linear_taps(SamplingMode mode, int64_t in, int64_t out);
std::vector<Tap> nearest_taps(SamplingMode mode, int64_t in, int64_t out);
/// Element floor(i * in / out), without rounding errors.
std::vector<Tap> floor_taps(int64_t in, int64_t out);

/// Samples the last axes of `x`, one list of taps for each, into `out`; in fp64, rounded once.
void resample_last_axes(const Tensor& x, const std::vector<std::vector<Tap>>& taps, Tensor& out);

}  // namespace anemone::mil
