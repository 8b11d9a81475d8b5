#include "statistics/paired_tests.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "statistics/distributions.h"

namespace anemone::statistics {

McNemar mcnemar(std::span<const double> first, std::span<const double> second) {
  ANEMONE_CHECK(first.size() == second.size(), "callers pass pairs");
  McNemar out;
  for (size_t i = 0; i < first.size(); ++i) {
    const bool a = first[i] > 0;
    const bool b = second[i] > 0;
    ++(a ? (b ? out.both : out.only_first) : (b ? out.only_second : out.neither));
  }
  out.p = fair_toss_two_sided(out.only_first, out.only_first + out.only_second);
  return out;
}

std::optional<PairedT> paired_t(std::span<const double> first, std::span<const double> second,
                                double confidence) {
  ANEMONE_CHECK(first.size() == second.size(), "callers pass pairs");
  if (first.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(first.size());
  double sum = 0;
  for (size_t i = 0; i < first.size(); ++i) sum += second[i] - first[i];
  PairedT out;
  out.mean_difference = sum / count;
  out.degrees = count - 1;
  double squares = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    const double off = second[i] - first[i] - out.mean_difference;
    squares += off * off;
  }
  const double error = std::sqrt(squares / out.degrees / count);
  if (!std::isfinite(out.mean_difference) || !std::isfinite(error)) return std::nullopt;
  out.interval = {out.mean_difference, out.mean_difference};
  if (error == 0) {
    if (out.mean_difference == 0) return out;
    out.t = std::copysign(std::numeric_limits<double>::infinity(), out.mean_difference);
    out.p = 0;
    return out;
  }
  out.t = out.mean_difference / error;
  out.p = student_t_two_sided(out.t, out.degrees);
  const double half = student_t_quantile(0.5 + confidence / 2, out.degrees) * error;
  out.interval = {out.mean_difference - half, out.mean_difference + half};
  if (!std::isfinite(out.interval.low) || !std::isfinite(out.interval.high)) return std::nullopt;
  return out;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double least = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled = static_cast<double>(order.size() - rank) * p[order[rank]];
    least = std::min(1.0, std::max(least, scaled));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

}  // namespace anemone::statistics
