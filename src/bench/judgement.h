#pragma once

#include <optional>
#include <string>
#include <vector>

#include "anemone/bench.h"

/// What follows from measurements that are there.
namespace anemone::bench {

/// The fastest decoding at the largest context that was measured: it serves every shorter request.
/// Configurations whose speed is not known to be lower (their intervals overlap) are equal; among
/// them the shortest time to a warm first token, then the least memory, then the order of the sweep
/// decides; a peak of the process counts for nothing. Nothing when no decoding speed was measured.
std::optional<Best> choose_best(const std::vector<Configuration>& configurations);

/// Lines through at least three contexts.
std::vector<Scaling> find_scaling(const std::vector<Configuration>& configurations);

/// Some function runs on Core ML's CPU, because Core ML refuses the units that were asked for.
bool has_fallen_back(const runtime::Execution& execution);

/// "+1.2 %"; of a line that changes by more than the mean itself, that no line describes it: speeds
/// would fall below 0.
std::string drift_text(const statistics::Drift& drift);

/// The Neural Engine against the CPU, as requirement S2 asks: at every context of the sweep.
Phase2Verdict judge_phase2(const Report& report);

/// Version of the JSON document.
inline constexpr int kDocumentVersion = 1;

/// Every configuration against the limits of the options.
std::vector<TargetVerdict> judge_targets(const Report& report);

/// Speed-up that S2 asks for and the end of the range that it expects, and how the earlier
/// DistilBERT project measured its own.
inline constexpr double kTargetSpeedup = 1.3;
inline constexpr double kExpectedSpeedup = 2.0;
struct DistilBert {
  static constexpr double kAneMs = 3.52;
  static constexpr double kCpuMs = 4.55;
  static constexpr double kLow = 1.29;
  static constexpr double kHigh = 1.62;
  static constexpr const char* kConditions =
      "one forward pass of 128 tokens on M4, 5 warm-ups, 40 to 50 runs; compute units ALL against "
      "CPU_ONLY";
  static constexpr const char* kSource =
      "mazhewitt/TypoFixerTraining, DistilBERT stage, commits 2f0b77b to d186dbf: its own "
      "documents, not measured here";
};

}  // namespace anemone::bench
