#include <algorithm>
#include <cmath>
#include <numeric>

#include "anemone/statistics.h"
#include "base/check.h"
#include "statistics/bootstrap.h"
#include "statistics/order.h"

namespace anemone::statistics {
namespace {

/// Tukey's fences lie this many distances of the quartiles beyond them.
constexpr double kFence = 1.5;

double mean_of(std::span<const double> samples) {
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double stddev_of(std::span<const double> samples, double mean) {
  double squares = 0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  return std::sqrt(squares / static_cast<double>(samples.size() - 1));
}

double mad_of(std::span<const double> samples, double median) {
  std::vector<double> distances;
  distances.reserve(samples.size());
  for (const double sample : samples) distances.push_back(std::abs(sample - median));
  return percentile(distances, 0.5);
}

}  // namespace

double percentile(std::span<const double> samples, double share) {
  ANEMONE_CHECK(!samples.empty(), "a percentile is of samples");
  ANEMONE_CHECK(share >= 0 && share <= 1, "a percentile is a share");
  return percentile_of_sorted(sorted(samples), share);
}

std::vector<size_t> outliers_by_quartiles(std::span<const double> samples) {
  if (samples.empty()) return {};
  const std::vector<double> ordered = sorted(samples);
  const double low = percentile_of_sorted(ordered, 0.25);
  const double high = percentile_of_sorted(ordered, 0.75);
  const double reach = kFence * (high - low);
  std::vector<size_t> outliers;
  for (size_t i = 0; i < samples.size(); ++i)
    if (samples[i] < low - reach || samples[i] > high + reach) outliers.push_back(i);
  return outliers;
}

std::optional<Summary> summarize(std::span<const double> samples, const BootstrapOptions& options) {
  check(options);
  if (samples.empty()) return {};
  ANEMONE_CHECK(std::ranges::all_of(samples, [](double sample) { return std::isfinite(sample); }),
                "samples are numbers");
  const std::vector<double> ordered = sorted(samples);
  const auto at = [&](double share) { return percentile_of_sorted(ordered, share); };
  Summary summary{.n = samples.size(),
                  .mean = mean_of(samples),
                  .median = at(0.5),
                  .min = ordered.front(),
                  .max = ordered.back(),
                  .p5 = at(0.05),
                  .p25 = at(0.25),
                  .p75 = at(0.75),
                  .p90 = at(0.90),
                  .p95 = at(0.95),
                  .p99 = at(0.99)};
  summary.mad = mad_of(samples, summary.median);
  summary.outliers = outliers_by_quartiles(samples);
  if (samples.size() < 2) return summary;
  summary.stddev = stddev_of(samples, summary.mean);
  Generator generator(options.seed);
  MedianDraws draws(samples);
  std::vector<double> medians(options.resamples);
  for (double& median : medians) median = draws.draw(generator);
  summary.interval = middle(std::move(medians), options.confidence);
  return summary;
}

}  // namespace anemone::statistics
