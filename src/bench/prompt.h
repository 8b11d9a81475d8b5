#pragma once

#include <string_view>

#include "anemone/text.h"
#include "bench/request.h"

namespace anemone::bench {

/// What a report calls a prompt of a model without a tokenizer.
inline constexpr const char* kRandomPrompt = "random ids";

/// The text that prompts are cut from and perplexity is taken of when the user names none.
std::string_view builtin_text();

/// The first `tokens` tokens of `text`, repeated as often as needed. Tokenizing is that of the text
/// these come from. Errors: invalid_argument (an empty text), those of the tokenizer.
Result<Prompt> make_prompt(const text::Tokenizer& tokenizer, std::string_view text, int64_t tokens);

/// Tokens drawn with a seed, for a model whose tokenizer is not at hand.
Prompt make_random_prompt(int64_t vocabulary, int64_t tokens, uint64_t seed);

}  // namespace anemone::bench
