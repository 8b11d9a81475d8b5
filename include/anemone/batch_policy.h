#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "anemone/model.h"
#include "anemone/result.h"

/// How many answers a model should advance together, decided by what `anemone bench --batches`
/// measured.
namespace anemone::bench {

enum class Workload : uint8_t {
  interactive,  ///< somebody reads along: no answer may wait for another.
  offline,      ///< only the time of all answers together matters.
};
const char* to_string(Workload workload);
std::optional<Workload> find_workload(std::string_view name);

/// Of sequences that are advanced together, measured or asked for.
inline constexpr int64_t kMostSequences = 1024;

/// What was measured of one number of sequences.
struct BatchSpeed {
  int64_t sequences = 1;
  double tokens_per_second = 0;  ///< of all sequences together, median; above 0.
  double p95_step_ns = 0;        ///< of a step, in which every sequence gets a token; above 0.
};

/// When more sequences are worth the wait (docs/requirements.md, S4.10).
struct BatchRule {
  double least_gain = 0.10;      ///< in tokens a second, as a share of one sequence's.
  double most_penalty = 0.10;    ///< in the 95th percentile of a step, the same.
  double penalty_weight = 0.50;  ///< the best has the largest gain - weight * penalty.
};

struct BatchPolicy {
  int64_t sequences = 1;
  double gain = 0;     ///< of the chosen number, over one sequence.
  double penalty = 0;  ///< the same; below 0: steps are shorter.
  std::string why;
};

/// Interactive: one. Offline: of the numbers that keep the rule the one of the best score, the
/// smallest of equals; one where none keeps it or one sequence was not measured.
BatchPolicy choose_batch(Workload workload, std::span<const BatchSpeed> measured,
                         const BatchRule& rule = {});

/// What a policy is for: how many answers together are worth it depends on all of it.
struct BatchSubject {
  std::string model_hash;  ///< empty: not known, and then not compared.
  int threads = 0;         ///< worker threads; 0: one a core.
  runtime::Backend backend = runtime::Backend::cpu;
  runtime::ComputeUnits compute_units = runtime::ComputeUnits::cpu;
};

/// `choose_batch` for a document of `anemone bench`: of the configuration that ran this model as
/// `subject` does, of several the best, else the one of the largest context. Errors: not_found, io
/// and corrupt (the file), unsupported (of another version), mismatch (none of its configurations
/// has batches, or ran alike; of another machine).
Result<BatchPolicy> read_batch_policy(const std::filesystem::path& document, Workload workload,
                                      const BatchSubject& subject);

}  // namespace anemone::bench
