#include "mil/ops/image_sampling.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace anemone::mil {
namespace {

/// Folds a coordinate into [low, high] as if mirrors stood at both ends.
double mirror(double coordinate, double low, double high) {
  const double span = high - low;
  if (span <= 0) return low;
  const double offset = std::fmod(std::fabs(coordinate - low), 2 * span);
  return low + (offset <= span ? offset : 2 * span - offset);
}

/// A coordinate with the image's surroundings folded away; a constant surrounding stays, beyond
/// reach of the integers only where it is that anyway.
double fold(double coordinate, int64_t length, Padding padding) {
  const auto last = static_cast<double>(length - 1);
  if (std::isnan(coordinate)) return padding == Padding::constant ? -2 : 0;
  if (std::isinf(coordinate) && padding != Padding::constant) return coordinate < 0 ? 0 : last;
  switch (padding) {
    case Padding::constant:
      return std::clamp(coordinate, -2.0, last + 2);
    case Padding::border:
      return std::clamp(coordinate, 0.0, last);
    case Padding::reflection:
      return std::clamp(mirror(coordinate, 0, last), 0.0, last);
    case Padding::symmetric:
      break;
  }
  return std::clamp(mirror(coordinate, -0.5, last + 0.5), 0.0, last);
}

}  // namespace

std::optional<Padding> parse_padding(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames = {"border", "constant", "reflection",
                                                      "symmetric"};
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Padding>(found - kNames.begin());
}

double Plane::at(int64_t row, int64_t column, double constant) const {
  const bool inside = row >= 0 && row < height && column >= 0 && column < width;
  return inside ? image.at(offset + row * width + column) : constant;
}

double Plane::bilinear(double row, double column, Padding padding, double constant) const {
  row = fold(row, height, padding);
  column = fold(column, width, padding);
  const double top = std::floor(row);
  const double left = std::floor(column);
  double sum = 0;
  for (const int64_t down : {0, 1}) {
    for (const int64_t right : {0, 1}) {
      const double weight = (down == 0 ? 1 - (row - top) : row - top) *
                            (right == 0 ? 1 - (column - left) : column - left);
      if (weight != 0)
        sum += weight *
               at(static_cast<int64_t>(top) + down, static_cast<int64_t>(left) + right, constant);
    }
  }
  return sum;
}

double Plane::nearest(double row, double column, Padding padding, double constant) const {
  return at(static_cast<int64_t>(std::nearbyint(fold(row, height, padding))),
            static_cast<int64_t>(std::nearbyint(fold(column, width, padding))), constant);
}

}  // namespace anemone::mil
