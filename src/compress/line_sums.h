#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace anemone::compress {

/// Sums over the values of a line before each place; a cluster [begin, end) is judged by them.
struct LineSums {
  std::vector<double> weight;
  std::vector<double> sum;

  int64_t size() const { return static_cast<int64_t>(weight.size()) - 1; }

  /// By how much the squares of a cluster exceed its cost: what its mean explains. A division into
  /// clusters of least cost saves the most.
  double saved(int64_t begin, int64_t end) const {
    const double part = sum_of(begin, end);
    return part * part / weight_of(begin, end);
  }
  double mean(int64_t begin, int64_t end) const {
    return sum_of(begin, end) / weight_of(begin, end);
  }
  double sum_of(int64_t begin, int64_t end) const {
    return sum[static_cast<size_t>(end)] - sum[static_cast<size_t>(begin)];
  }
  double weight_of(int64_t begin, int64_t end) const {
    return weight[static_cast<size_t>(end)] - weight[static_cast<size_t>(begin)];
  }
};

/// First and last place where a cluster may begin or end.
struct Range {
  int64_t low = 0;
  int64_t high = 0;
  int64_t size() const { return high - low + 1; }
};

}  // namespace anemone::compress
