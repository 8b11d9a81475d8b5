#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace anemone::mil {

/// The positions of `values` from the smallest to the largest value, or the other way round. Equal
/// values keep their order; NaN comes last.
inline std::vector<int64_t> sorted_positions(std::span<const double> values, bool ascending) {
  std::vector<int64_t> positions(values.size());
  std::iota(positions.begin(), positions.end(), int64_t{0});
  std::ranges::stable_sort(positions, [&](int64_t i, int64_t j) {
    const double a = values[static_cast<size_t>(i)];
    const double b = values[static_cast<size_t>(j)];
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
    return ascending ? a < b : a > b;
  });
  return positions;
}

}  // namespace anemone::mil
