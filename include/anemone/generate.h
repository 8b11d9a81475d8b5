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

struct Options {
  int64_t max_tokens = 128;       ///< most tokens to generate.
  double temperature = 0;         ///< 0: greedy, ties to the lowest id.
  uint64_t seed = 0;              ///< of the draws at temperature > 0.
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
/// prompt; temperature < 0; a temperature with a model that gives no logits), out_of_range (the
/// prompt fills the context), and those of LanguageModel.
Result<Generation> generate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                            std::span<const int32_t> prompt, const Options& options,
                            const TextSink& sink = {});

}  // namespace anemone::generate
