#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "anemone/text.h"
#include "serve/documents/fields.h"
#include "serve/work.h"

namespace anemone::serve {

/// The text that a token adds, whatever stands before it; of tokens that are parts of characters
/// the vocabulary's own spelling, so that no two tokens look alike.
std::string token_text(const text::Tokenizer& tokenizer, int32_t id);

/// Of UTF-8.
int64_t characters(std::string_view text);

/// Log-probabilities as /v1/chat/completions tells them: {"content": [{"token", "logprob", …}]}.
Json chat_logprobs(const text::Tokenizer& tokenizer, const std::vector<TokenLogprobs>& tokens);

/// As /v1/completions tells them; `offset` is where the first token's text begins, in characters,
/// and is moved to where the last one's ends.
Json completion_logprobs(const text::Tokenizer& tokenizer, const std::vector<TokenLogprobs>& tokens,
                         int64_t& offset);

}  // namespace anemone::serve
