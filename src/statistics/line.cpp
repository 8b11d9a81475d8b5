#include <algorithm>
#include <cmath>

#include "anemone/statistics.h"
#include "base/check.h"
#include "statistics/bootstrap.h"

namespace anemone::statistics {
namespace {

constexpr size_t kLeastForDrift = 5;

/// `place(i)` is the index of pair i.
template <typename Place>
std::optional<Line> fit(std::span<const double> x, std::span<const double> y, const Place& place) {
  const auto count = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += x[place(i)] / count;
    mean_y += y[place(i)] / count;
  }
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double from_x = x[place(i)] - mean_x;
    const double from_y = y[place(i)] - mean_y;
    xx += from_x * from_x;
    xy += from_x * from_y;
    yy += from_y * from_y;
  }
  if (!(xx > 0)) return {};
  Line line{.slope = xy / xx, .r2 = yy > 0 ? xy * xy / (xx * yy) : 1, .n = x.size()};
  line.intercept = mean_y - line.slope * mean_x;
  return line;
}

}  // namespace

std::optional<Line> fit_line(std::span<const double> x, std::span<const double> y) {
  ANEMONE_CHECK(x.size() == y.size(), "a line goes through pairs");
  return fit(x, y, [](size_t i) { return i; });
}

std::optional<Drift> find_drift(std::span<const double> seconds, std::span<const double> speeds,
                                const BootstrapOptions& options) {
  check(options);
  ANEMONE_CHECK(seconds.size() == speeds.size(), "every speed has its time");
  if (speeds.size() < kLeastForDrift) return {};
  double mean = 0;
  for (const double speed : speeds) {
    ANEMONE_CHECK(speed > 0, "speeds are positive");
    mean += speed / static_cast<double>(speeds.size());
  }
  const auto line = fit_line(seconds, speeds);
  if (!line) return {};
  const auto [first, last] = std::ranges::minmax(seconds);
  const double span = last - first;
  Drift drift{.change = line->slope * span / mean, .per_second = line->slope / mean};
  Generator generator(options.seed);
  std::vector<size_t> places(speeds.size());
  std::vector<double> changes;
  changes.reserve(options.resamples);
  for (size_t draw = 0; draw < options.resamples; ++draw) {
    for (size_t& place : places) place = generator.below(speeds.size());
    const auto drawn = fit(seconds, speeds, [&](size_t i) { return places[i]; });
    if (drawn) changes.push_back(drawn->slope * span / mean);
  }
  if (changes.empty()) return {};  // every draw was of one moment
  drift.interval = middle(std::move(changes), options.confidence);
  drift.significant = !drift.interval.contains(0);
  return drift;
}

}  // namespace anemone::statistics
