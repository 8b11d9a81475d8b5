#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "text/grammar.h"

/// Text to tokens as the harness' Hugging Face model does it.
namespace anemone::eval {

using Tokens = std::vector<int32_t>;

/// What scoring needs of a tokenizer.
struct Codec {
  std::function<Result<Tokens>(std::string_view text, bool add_special_tokens)> encode;
  std::function<Result<std::string>(std::span<const int32_t> tokens, bool skip_special_tokens)>
      decode;
  int32_t prefix_token = 0;  ///< BOS, or EOS where there is none: stands before empty contexts.
  std::string prefix_text;   ///< text that starts with it gets no special tokens added.
  std::string end_text;      ///< EOS as text: always among the stop strings.
  std::vector<int32_t> stop_ids;  ///< tokens that end a generation.
  /// Begins a text under a JSON Schema, for logits of so many columns; may be empty.
  std::function<Result<text::GrammarMatcher>(const std::string& schema, size_t vocab_size)>
      constrain;
};

/// A context and what is scored after it. Contexts of the same text may share their tokens.
struct TokenPair {
  std::shared_ptr<const Tokens> text;  ///< never null.
  size_t lost = 0;                     ///< tokens of `text` that are left out at its beginning.
  Tokens continuation;

  std::span<const int32_t> context() const { return std::span(*text).subspan(lost); }
};

/// The tokens of a context by its text.
using EncodeContext = std::function<Result<std::shared_ptr<const Tokens>>(std::string_view text)>;

/// Tokens of a text on its own.
Result<Tokens> encode_text(const Codec& codec, std::string_view text);

/// White space at the end of the context moves to the continuation; the continuation's tokens are
/// those of the whole text behind as many as the context alone has. An empty context becomes the
/// prefix token.
/// Errors: invalid_argument (nothing to score, or a context of white space only).
Result<TokenPair> encode_pair(const Codec& codec, const EncodeContext& encode_context,
                              const std::string& context, const std::string& continuation);

/// What is fed and scored when a model takes `max_length` tokens: tokens are lost on the left.
/// Errors: limit (the continuation alone is too long).
Result<TokenPair> truncated(TokenPair pair, int64_t max_length);

/// Windows of at most `max_length` inputs that score each token once. The first starts with the
/// prefix token and is full; each later one scores the next `stride` tokens and reaches back as far
/// as it can, so with stride = max_length (the harness' way) one token of context is left to all
/// but the last. CHECKs 1 <= stride <= max_length.
std::vector<TokenPair> rolling_windows(const Tokens& tokens, int32_t prefix_token,
                                       int64_t max_length, int64_t stride);

}  // namespace anemone::eval
