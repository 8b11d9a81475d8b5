#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "anemone/statistics.h"

namespace anemone::statistics {

/// Tests of two runs on the same documents. `first` and `second` are equally long and finite, and
/// differences are second - first.

/// McNemar's exact test: of documents that only one run has right, are as many on either side?
struct McNemar {
  int64_t both = 0;
  int64_t only_first = 0;
  int64_t only_second = 0;
  int64_t neither = 0;
  double p = 1;  ///< two-sided, from the binomial distribution; 1 where the runs never differ.
};
/// Values above 0 count as right.
McNemar mcnemar(std::span<const double> first, std::span<const double> second);

struct PairedT {
  double mean_difference = 0;
  double t = 0;  ///< infinite where all differences are the same and not 0.
  double degrees = 0;
  double p = 1;       ///< two-sided; 1 where the runs never differ.
  Interval interval;  ///< of the mean difference.
};
/// The paired t test with the interval of the mean difference at `confidence`. Nothing for fewer
/// than two pairs, or where sums of the numbers are not finite.
std::optional<PairedT> paired_t(std::span<const double> first, std::span<const double> second,
                                double confidence);

/// p-values after Holm's step-down correction for all of them, in the same order: below a level
/// alpha, the chance that any of them is there without a cause is below alpha.
std::vector<double> holm(std::span<const double> p);

}  // namespace anemone::statistics
