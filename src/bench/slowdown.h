#pragma once

#include <vector>

#include "anemone/bench.h"

/// How a metric of two runs is compared (docs/benchmarks.md, Baselines).
namespace anemone::bench {

/// One metric in one visit.
struct VisitTime {
  double ns = 0;                       ///< median; of a speed its inverse. Above 0.
  std::optional<double> reference_ns;  ///< of the reference work beside it. Above 0.
};

struct SlowdownRule {
  double threshold = 0.05;
  double confidence = 0.95;
};

/// A visit counts as one observation, because slow phases of a machine last longer than a request.
/// The logarithm of its time less that of its reference work is compared by Student's t with the
/// variance between visits, of both runs together. A model may respond half or one and a half times
/// as strongly as the reference work: the interval is wider by half of what the machine changed,
/// and of a machine that changed more than `kMostMachineChange` nothing is told. Where visits have
/// no reference work, the machine may have changed by `kUnknownMachineChange`, all of which widens
/// the interval. Gives `machine`, `adjusted` and `verdict`: "unclear" where nothing follows, always
/// for one visit each.
BaselineVerdict::Compared judge_slowdown(const std::vector<VisitTime>& before,
                                         const std::vector<VisitTime>& after,
                                         const SlowdownRule& rule);

/// A factor, either way.
inline constexpr double kMostMachineChange = 1.5;

/// A factor, either way: as far as whole runs of the same program differ on shared machines.
inline constexpr double kUnknownMachineChange = 1.3;

/// "same" leaves out every slowdown larger than the threshold by this.
inline constexpr double kResolution = 0.15;

}  // namespace anemone::bench
