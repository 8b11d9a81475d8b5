#pragma once

#include <cstdint>
#include <vector>

#include "compress/cluster_line.h"
#include "compress/line_sums.h"

namespace anemone::compress {

/// What begin_ranges gives, made another way: quicker where clusters have few values each.
///
/// Where each cluster has a price, the best division has no number of clusters to keep to, and one
/// pass over the line finds it (Aggarwal, Schieber and Tokuyama, "Finding a Minimum-Weight k-Link
/// Path in Graphs with the Concave Monge Property", 1994). Prices are tried until one gives `count`
/// clusters, or one fewer, or one more; with fewer clusters the c-th ends later, with more earlier.
std::vector<Range> priced_ranges(const WeightedLine& line, const LineSums& sums, int64_t count);

}  // namespace anemone::compress
