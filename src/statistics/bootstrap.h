#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/statistics.h"
#include "statistics/generator.h"

namespace anemone::statistics {

/// Medians of draws with replacement from one series. Finding one takes time in proportion to the
/// samples: their places in the order are counted and never sorted again.
class MedianDraws {
 public:
  explicit MedianDraws(std::span<const double> samples);
  double draw(Generator& generator);

 private:
  std::vector<double> ordered_;
  std::vector<uint32_t> counts_;
};

/// The interval that the middle `confidence` of the statistics fill.
Interval middle(std::vector<double> statistics, double confidence);

void check(const BootstrapOptions& options);

}  // namespace anemone::statistics
