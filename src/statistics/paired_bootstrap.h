#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "anemone/statistics.h"

namespace anemone::statistics {

struct PairedBootstrap {
  Interval interval;  ///< percentiles of the resampled differences.
  /// Two-sided: twice the smaller share of resamples on one side of 0, the measured one counted
  /// among them, at most 1.
  double p = 1;
  double standard_error = 0;  ///< the deviation of the resampled differences.
  size_t undefined = 0;       ///< resamples whose difference is not finite, left out.
};

/// A statistic of the documents with these indices, some of which are there more than once.
using ResampledStatistic = std::function<double(std::span<const size_t> documents)>;

/// Draws as many of `documents` (above 0) with replacement, both runs of a document together, and
/// gives the statistics of all draws in order.
std::vector<double> resampled(size_t documents, const ResampledStatistic& statistic,
                              const BootstrapOptions& options);

/// The interval of a difference of two runs on the same documents, by the percentile method.
PairedBootstrap paired_bootstrap(size_t documents, const ResampledStatistic& difference,
                                 const BootstrapOptions& options);

}  // namespace anemone::statistics
