#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"
#include "anemone/text.h"

/// Text from a language model, token by token.
namespace anemone::generate {

/// Added to the logit of a token.
struct TokenBias {
  int32_t token = 0;
  float bias = 0;
};

/// How a token is chosen from logits: the definitions and the order of transformers' `generate`
/// (logit_bias, the penalties, temperature, top_k, top_p, min_p, typical_p); presence and frequency
/// penalties are those of the OpenAI API. With temperature 0 the likeliest token is taken after
/// bias and penalties, ties to the lowest id, and the rest has no effect.
struct Sampling {
  double temperature = 0;
  int64_t top_k = 0;              ///< keeps so many of the likeliest tokens; 0: all.
  double top_p = 1;               ///< keeps the fewest likeliest that reach this probability.
  double min_p = 0;               ///< keeps those of at least this share of the likeliest's.
  double typical_p = 1;           ///< keeps the fewest typical ones that reach this probability.
  double repetition_penalty = 1;  ///< divides positive and multiplies negative logits of tokens
                                  ///< that stand in the prompt or the answer.
  double presence_penalty = 0;    ///< taken off the logits of tokens in the answer.
  double frequency_penalty = 0;   ///< the same, times how often.
  std::vector<TokenBias> logit_bias;
  uint64_t seed = 0;  ///< of the draws.
};

struct Options {
  int64_t max_tokens = 128;  ///< most tokens to generate.
  Sampling sampling;
  std::vector<std::string> stop;  ///< texts that end the answer; they are not part of it.
};

enum class StopReason : uint8_t {
  end_of_text,  ///< a token that ends a generation (Tokenizer::stop_ids).
  stop_text,    ///< one of Options::stop.
  max_tokens,
  context_full,  ///< the model's context holds no more tokens.
  cancelled,     ///< the sink asked to stop.
};
const char* to_string(StopReason reason);

struct Generation {
  std::string text;             ///< special tokens left out.
  std::vector<int32_t> tokens;  ///< all that were generated, the ending one included.
  StopReason stop = StopReason::max_tokens;
  int64_t prompt_tokens = 0;
  int64_t prefill_ns = 0;  ///< until the first token was chosen.
  int64_t decode_ns = 0;   ///< from then on, over tokens.size() - 1 steps.
};

/// Gets each piece of text as soon as no stop text can take it back. Returns false to stop.
using TextSink = std::function<bool(std::string_view piece)>;

/// Continues `prompt` in a new sequence. The joined pieces are `Generation::text`. Equal input
/// gives equal output on every instruction set and thread count. Errors: invalid_argument (empty
/// prompt; a number of `sampling` out of its range; any but greedy sampling with a model that gives
/// no logits), out_of_range (the prompt fills the context), and those of LanguageModel.
Result<Generation> generate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                            std::span<const int32_t> prompt, const Options& options,
                            const TextSink& sink = {});

}  // namespace anemone::generate
