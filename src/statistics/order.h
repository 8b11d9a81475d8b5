#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

/// Statistics of samples in ascending order.
namespace anemone::statistics {

inline std::vector<double> sorted(std::span<const double> samples) {
  std::vector<double> ordered(samples.begin(), samples.end());
  std::ranges::sort(ordered);
  return ordered;
}

/// As `percentile`, of samples that are in order; rounded as numpy does.
inline double percentile_of_sorted(std::span<const double> ordered, double share) {
  const double place = share * static_cast<double>(ordered.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, ordered.size() - 1);
  const double part = place - static_cast<double>(below);
  const double step = ordered[above] - ordered[below];
  return part < 0.5 ? ordered[below] + part * step : ordered[above] - (1 - part) * step;
}

}  // namespace anemone::statistics
