#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Summaries of measurements, with intervals that are the same for the same seed everywhere.
namespace anemone::statistics {

struct Interval {
  double low = 0;
  double high = 0;
  bool contains(double value) const { return low <= value && value <= high; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// How intervals are made: the statistic of `resamples` draws with replacement, and the percentiles
/// of these that leave out (1 - confidence) / 2 at either end.
struct BootstrapOptions {
  double confidence = 0.95;
  size_t resamples = 10000;
  uint64_t seed = 0;
};

/// Of one series; times, speeds, whatever the unit.
struct Summary {
  size_t n = 0;
  double mean = 0;
  double median = 0;
  std::optional<double> stddev;  ///< of a sample, divisor n - 1; nothing for n < 2.
  double mad = 0;                ///< median of the distances from the median.
  double min = 0;
  double max = 0;
  double p5 = 0, p25 = 0, p75 = 0, p90 = 0, p95 = 0, p99 = 0;  ///< as `percentile`.
  std::optional<Interval> interval;  ///< bootstrap of the median; nothing for n < 2.
  std::vector<size_t> outliers;      ///< as outliers_by_quartiles.
};

/// Nothing for no samples. CHECKs that all are finite, 0 < confidence < 1 and resamples > 0.
std::optional<Summary> summarize(std::span<const double> samples,
                                 const BootstrapOptions& options = {});

/// The value below which a share of the samples lies, between neighbours by a straight line:
/// numpy's method "linear". CHECKs that there are samples and 0 <= share <= 1.
double percentile(std::span<const double> samples, double share);

/// Indices, ascending, of the samples that lie beyond the quartiles by more than 1.5 times the
/// distance between them (Tukey's fences).
std::vector<size_t> outliers_by_quartiles(std::span<const double> samples);

/// median(numerator) / median(denominator), whose samples are not paired.
struct Ratio {
  double value = 0;
  Interval interval;  ///< bootstrap: both series are drawn anew each time.
};
/// CHECKs that neither is empty and all are positive.
Ratio ratio_of_medians(std::span<const double> numerator, std::span<const double> denominator,
                       const BootstrapOptions& options = {});

/// y = intercept + slope * x by least squares.
struct Line {
  double intercept = 0;
  double slope = 0;
  double r2 = 0;  ///< share of the variance of y that the line explains; 1 when y is constant.
  size_t n = 0;
};
/// Nothing for fewer than two different x. CHECKs that there are as many x as y.
std::optional<Line> fit_line(std::span<const double> x, std::span<const double> y);

/// How a speed changes while it is measured: its line over time.
struct Drift {
  double change = 0;         ///< from the first to the last measurement, as a share of the mean.
  double per_second = 0;     ///< as a share of the mean.
  Interval interval;         ///< of `change`, by a bootstrap of the pairs (time, speed).
  bool significant = false;  ///< the interval leaves out 0.
};
/// Nothing for fewer than five measurements, or when all were made at one time. CHECKs that there
/// are as many times as speeds, and that speeds are positive.
std::optional<Drift> find_drift(std::span<const double> seconds, std::span<const double> speeds,
                                const BootstrapOptions& options = {});

}  // namespace anemone::statistics
