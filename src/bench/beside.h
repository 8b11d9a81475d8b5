#pragma once

#include <vector>

#include "anemone/bench.h"
#include "anemone/forecast.h"
#include "anemone/language_model.h"
#include "anemone/text.h"

/// What stands beside the measurements of a configuration.
namespace anemone::bench {

/// Forecasts for the Neural Engine of `chips`; none for a model that cannot be forecast.
std::vector<Prediction> predict(const std::filesystem::path& model,
                                const std::vector<std::string>& chips, int64_t prompt_tokens);

/// Bytes that one decoding step reads.
struct StepBytes {
  double weights = 0;
  double cache = 0;     ///< of all positions.
  int64_t context = 0;  ///< positions of the cache.
};
/// Nothing where the programs do not say.
std::optional<StepBytes> step_bytes(const std::filesystem::path& model);

/// The floor of `tokens_per_second`, with caches filled up to `context_tokens`.
Floor find_floor(const std::optional<StepBytes>& bytes, const Machine& machine,
                 int64_t context_tokens, double tokens_per_second);

/// Adds the floors of first tokens: every call reads the weights once, and a call carries a block
/// of `block_tokens` or one token.
void add_first_token_floors(Floor& floor, int64_t prompt_tokens, int64_t uncached_tokens,
                            int64_t block_tokens);

/// What the reference would have chosen after the same tokens, position by position. Errors: those
/// of the model.
Result<Reference> hold_against(lm::LanguageModel& reference, const std::vector<int32_t>& prompt,
                               const std::vector<int32_t>& answer);

/// Errors: those of evaluation.
Result<Quality> find_quality(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                             const Options& options, const LogSink& log);

}  // namespace anemone::bench
