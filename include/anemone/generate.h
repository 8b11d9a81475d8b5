#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/constraint.h"
#include "anemone/language_model.h"
#include "anemone/prompt_cache.h"
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
  double top_p = 1;               ///< keeps the fewest likeliest that reach this probability, of
                                  ///< equals at the edge those of the lowest ids.
  double min_p = 0;               ///< keeps those of at least this share of the likeliest's.
  double typical_p = 1;           ///< keeps the fewest typical ones that reach this probability.
  double repetition_penalty = 1;  ///< divides positive and multiplies negative logits of tokens
                                  ///< that stand in the prompt or the answer.
  double presence_penalty = 0;    ///< taken off the logits of tokens in the answer.
  double frequency_penalty = 0;   ///< the same, times how often.
  std::vector<TokenBias> logit_bias;
  uint64_t seed = 0;  ///< of the draws.
};

/// Who guesses tokens ahead, which the model then verifies in one call. The answer is the same as
/// without, token by token, whatever is guessed and at every temperature: each token is chosen from
/// the model's own logits, and a guess that is not chosen is forgotten.
/// (For a package whose blocks round otherwise than its steps: as far as it makes no difference.)
struct Speculation {
  enum class By : uint8_t {
    nobody,
    prompt_lookup,  ///< what followed the last tokens where they stood in the prompt.
    ngram,          ///< the same in prompt and answer.
    draft_model,    ///< a smaller model.
  };
  By by = By::nobody;
  lm::LanguageModel* draft = nullptr;  ///< for By::draft_model: not owned.
  int64_t most_tokens = 8;             ///< of one guess; fewer while they are wrong.
};

/// What happens when the context is full before the answer is.
enum class WhenFull : uint8_t {
  stop,   ///< the answer ends (StopReason::context_full).
  slide,  ///< the oldest tokens behind the first `kept_tokens` are dropped, so many that half of
          ///< the context is free; the rest is computed again, at its new positions.
};

struct Options {
  int64_t max_tokens = 128;  ///< most tokens to generate.
  Sampling sampling;
  Speculation speculation;
  WhenFull when_full = WhenFull::stop;
  int64_t kept_tokens = 0;        ///< see WhenFull::slide; at most half of the context.
  PromptCache* cache = nullptr;   ///< where known beginnings come from and go to; not owned.
  std::vector<std::string> stop;  ///< texts that end the answer; they are not part of it.
  Constraint constraint;          ///< what the answer must look like.
  /// Of the same tokenizer; not owned. Without one an answer with a constraint makes its own, which
  /// takes longer than most answers should.
  ConstraintCompiler* compiler = nullptr;
  /// What `compiler` gave for `constraint`; null: it looks for it, or compiles again.
  std::shared_ptr<const CheckedConstraint> checked;
  /// Special tokens that stand in the text all the same, such as ToolDialect::tokens.
  std::vector<int32_t> shown_tokens;
};

enum class StopReason : uint8_t {
  end_of_text,  ///< a token that ends a generation (Tokenizer::stop_ids).
  stop_text,    ///< one of Options::stop.
  max_tokens,
  context_full,  ///< the model's context holds no more tokens.
  cancelled,     ///< the sink asked to stop.
  constraint,    ///< the constraint is met and nothing may follow.
};
const char* to_string(StopReason reason);

struct Generation {
  std::string text;             ///< special tokens left out, but for Options::shown_tokens.
  std::vector<int32_t> tokens;  ///< all that were generated, the ending one included.
  StopReason stop = StopReason::max_tokens;
  int64_t prompt_tokens = 0;
  int64_t reused_tokens = 0;    ///< of the prompt, which a cache knew.
  int64_t drafted_tokens = 0;   ///< guessed ahead.
  int64_t accepted_tokens = 0;  ///< of them, that were chosen.
  int64_t calls = 0;            ///< of the model, from the first token on.
  int64_t forced_tokens = 0;    ///< that the constraint left no choice about.
  int64_t mask_ns = 0;          ///< computing which tokens a constraint allows.
  int64_t mask_wait_ns = 0;     ///< of that, what the model's steps did not hide.
  int64_t slides = 0;           ///< see WhenFull::slide.
  int64_t prefill_ns = 0;       ///< until the first token was chosen.
  int64_t decode_ns = 0;        ///< from then on, over tokens.size() - 1 steps.
};

/// Gets each piece of text as soon as no stop text can take it back. Returns false to stop.
using TextSink = std::function<bool(std::string_view piece)>;

/// Continues `prompt` in a new sequence. The joined pieces are `Generation::text`. Equal input
/// gives equal output on every instruction set and thread count. Errors: invalid_argument (empty
/// prompt; a number of `sampling` out of its range, any but greedy sampling with a model that gives
/// no logits; a draft model that is missing or has another vocabulary, guesses of less than a
/// token; kept_tokens beyond half of the context; a constraint that cannot be compiled or a model
/// that gives no logits under one), out_of_range (a token that is none; a prompt longer than the
/// context), limit (a constraint that takes too much work), and those of LanguageModel.
Result<Generation> generate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                            std::span<const int32_t> prompt, const Options& options,
                            const TextSink& sink = {});

}  // namespace anemone::generate
