#include "statistics/bootstrap.h"

#include <algorithm>

#include "base/check.h"
#include "statistics/order.h"

namespace anemone::statistics {

MedianDraws::MedianDraws(std::span<const double> samples)
    : ordered_(sorted(samples)), counts_(samples.size()) {}

double MedianDraws::draw(Generator& generator) {
  const size_t n = ordered_.size();
  std::ranges::fill(counts_, 0U);
  for (size_t i = 0; i < n; ++i) ++counts_[generator.below(n)];
  const size_t low_rank = (n - 1) / 2;
  const size_t high_rank = n / 2;
  size_t seen = 0;
  size_t place = 0;
  while (seen + counts_[place] <= low_rank) seen += counts_[place++];
  const double low = ordered_[place];
  while (seen + counts_[place] <= high_rank) seen += counts_[place++];
  return low + (ordered_[place] - low) / 2;
}

Interval middle(std::vector<double> statistics, double confidence) {
  std::ranges::sort(statistics);
  const double tail = (1 - confidence) / 2;
  return {percentile_of_sorted(statistics, tail), percentile_of_sorted(statistics, 1 - tail)};
}

void check(const BootstrapOptions& options) {
  ANEMONE_CHECK(options.confidence > 0 && options.confidence < 1, "a confidence is a share");
  ANEMONE_CHECK(options.resamples > 0, "an interval needs draws");
}

Ratio ratio_of_medians(std::span<const double> numerator, std::span<const double> denominator,
                       const BootstrapOptions& options) {
  check(options);
  ANEMONE_CHECK(!numerator.empty() && !denominator.empty(), "a ratio is of two series");
  const auto positive = [](double value) { return value > 0; };
  ANEMONE_CHECK(
      std::ranges::all_of(numerator, positive) && std::ranges::all_of(denominator, positive),
      "a ratio is of positive numbers");
  Generator generator(options.seed);
  MedianDraws above(numerator);
  MedianDraws below(denominator);
  std::vector<double> ratios(options.resamples);
  for (double& ratio : ratios) {
    const double drawn = above.draw(generator);
    ratio = drawn / below.draw(generator);
  }
  return {percentile(numerator, 0.5) / percentile(denominator, 0.5),
          middle(std::move(ratios), options.confidence)};
}

}  // namespace anemone::statistics
