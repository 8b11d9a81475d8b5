#pragma once

#include <functional>
#include <vector>

#include "anemone/bench.h"
#include "anemone/forecast.h"
#include "anemone/language_model.h"
#include "anemone/text.h"

/// What stands beside the measurements of a configuration.
namespace anemone::bench {

/// Gives `one` forecasts for the Neural Engine of `chips`, or the reason why some have none.
void predict(const std::filesystem::path& model, const std::vector<std::string>& chips,
             int64_t prompt_tokens, Configuration& one);

/// Bytes that a call reads.
struct StepBytes {
  double weights = 0;   ///< of a decoding step.
  double cache = 0;     ///< of all positions.
  int64_t context = 0;  ///< positions of the cache.
  /// Of weights that every call with tokens of a prompt reads: the head may be run once for all.
  double prompt_weights = 0;
};
/// Nothing where the programs do not say.
std::optional<StepBytes> step_bytes(const std::filesystem::path& model);

/// Requests whose steps the floors are of.
struct Prompting {
  int64_t prompt_tokens = 0;
  int64_t uncached_tokens = 0;  ///< of the prompt, after its cached beginning.
  int64_t block_tokens = 0;     ///< that a call carries; 0: one.
};

/// Floors of decoding and of first tokens. No step reads less than the weights and the prompt's
/// part of the cache, however much of it is filled later; a call with tokens of the prompt reads
/// weights, and of a cache that grows from nothing no part is counted.
Floor find_floor(const std::optional<StepBytes>& bytes, const Machine& machine,
                 const Prompting& prompting, double tokens_per_second);

/// What the reference would have chosen after the same tokens, position by position.
/// `go_on` is asked between the reference's tokens. Errors: those of the model, interrupted.
Result<Reference> hold_against(lm::LanguageModel& reference, const std::vector<int32_t>& prompt,
                               const std::vector<int32_t>& answer,
                               const std::function<bool()>& go_on);

/// Whether the data of what `options.quality` asks for are there. Errors: those of evaluation.
Status check_quality(const text::Tokenizer& tokenizer, const Options& options);

/// Errors: those of evaluation, interrupted.
Result<Quality> find_quality(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                             const Options& options, const ProgressSink& progress,
                             const LogSink& log);

}  // namespace anemone::bench
