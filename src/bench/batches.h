#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "anemone/batch_policy.h"
#include "anemone/bench.h"
#include "anemone/language_model.h"
#include "bench/clock.h"

namespace anemone::bench {

struct BatchRequest {
  std::span<const int32_t> prompt;     ///< of every sequence, at least one token.
  int64_t steps = 1;                   ///< tokens that each sequence gets in a repetition.
  std::span<const int64_t> sequences;  ///< the numbers that are measured, each above 0.
  int repetitions = 1;
};

/// Nanoseconds of steps in which each of `sequences` gets a token.
struct BatchTimes {
  int64_t sequences = 1;
  std::vector<double> tokens_per_second;  ///< of a repetition, all sequences together.
  std::vector<double> step_ns;
};

/// Advances as many sequences together as asked for, greedily, all numbers in every repetition, in
/// turns up and down. `done` is called after each number; false ends it. Errors: those of the
/// model, interrupted.
Result<std::vector<BatchTimes>> measure_batches(lm::LanguageModel& model, Clock& clock,
                                                const BatchRequest& request,
                                                const std::function<bool()>& done);

/// What a policy is chosen by.
std::vector<BatchSpeed> speeds_of(std::span<const Batch> batches);

}  // namespace anemone::bench
