#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace anemone::compress {

/// Values on a line with how often each occurs: ascending, none twice.
struct WeightedLine {
  std::vector<double> values;
  std::vector<double> weights;
};

/// The `count` means, ascending, whose weighted squared distance to the values is the least that
/// there is; fewer when there are fewer values. Exact: dynamic programming over the first values,
/// with rows that divide and conquer (their minima move one way: Grønlund et al., "Fast Exact
/// k-Means, k-Medians and Bregman Divergence Clustering in 1D", arXiv:1701.07204).
std::vector<double> cluster_line(const WeightedLine& line, int64_t count);

}  // namespace anemone::compress
