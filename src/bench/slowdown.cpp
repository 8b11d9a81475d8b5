#include "bench/slowdown.h"

#include <algorithm>
#include <cmath>

#include "statistics/distributions.h"

namespace anemone::bench {
namespace {

struct Mean {
  double mean = 0;
  double squares = 0;  ///< sum of the squared distances from it.
  double n = 0;
};

template <typename Value>
Mean mean_of(const std::vector<VisitTime>& visits, const Value& value) {
  Mean out{.n = static_cast<double>(visits.size())};
  for (const VisitTime& one : visits) out.mean += value(one) / out.n;
  for (const VisitTime& one : visits) {
    const double distance = value(one) - out.mean;
    out.squares += distance * distance;
  }
  return out;
}

bool has_references(const std::vector<VisitTime>& visits) {
  return std::ranges::all_of(visits,
                             [](const VisitTime& one) { return one.reference_ns.has_value(); });
}

}  // namespace

BaselineVerdict::Compared judge_slowdown(const std::vector<VisitTime>& before,
                                         const std::vector<VisitTime>& after,
                                         const SlowdownRule& rule) {
  BaselineVerdict::Compared out{.verdict = "unclear"};
  if (before.empty() || after.empty()) return out;
  const bool adjusts = has_references(before) && has_references(after);
  const auto time = [](const VisitTime& one) { return std::log(one.ns); };
  const auto reference = [&](const VisitTime& one) {
    return adjusts ? std::log(*one.reference_ns) : 0.0;
  };
  const auto own = [&](const VisitTime& one) { return time(one) - reference(one); };
  const double machine = mean_of(after, reference).mean - mean_of(before, reference).mean;
  if (adjusts) out.machine = std::exp(machine);
  const Mean earlier = mean_of(before, own);
  const Mean now = mean_of(after, own);
  const double degrees = earlier.n + now.n - 2;
  if (degrees < 1) return out;
  const double deviation = std::sqrt((earlier.squares + now.squares) / degrees);
  const double t = statistics::student_t_quantile((1 + rule.confidence) / 2, degrees);
  const double allowance = adjusts ? std::abs(machine) / 2 : std::log(kUnknownMachineChange);
  const double half = t * deviation * std::sqrt(1 / earlier.n + 1 / now.n) + allowance;
  const double change = now.mean - earlier.mean;
  out.adjusted =
      statistics::Ratio{std::exp(change), {std::exp(change - half), std::exp(change + half)}};
  if (std::abs(machine) > std::log(kMostMachineChange)) return out;
  const statistics::Interval& interval = out.adjusted->interval;
  const double limit = 1 + rule.threshold;
  // The reference work excuses a slowdown and never accuses of one: its own code may change too.
  const double unadjusted = std::exp(change + machine);
  if (interval.low > limit && unadjusted > limit)
    out.verdict = "slower";
  else if (interval.high < 1 / limit && unadjusted < 1 / limit)
    out.verdict = "faster";
  else if (interval.high <= limit + kResolution)
    out.verdict = "same";
  return out;
}

}  // namespace anemone::bench
