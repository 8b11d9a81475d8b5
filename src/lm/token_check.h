#pragma once

#include <span>

#include "anemone/language_model.h"
#include "base/error.h"

namespace anemone::lm {

/// Refuses ids outside the vocabulary and more tokens than the context holds.
inline Status check_tokens(const ModelInfo& info, int64_t length, std::span<const int32_t> tokens) {
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= info.vocab_size)
      return fail(ErrorCode::out_of_range,
                  "token {} at position {} is outside the vocabulary of {}", tokens[i],
                  length + static_cast<int64_t>(i), info.vocab_size);
  if (length + static_cast<int64_t>(tokens.size()) > info.context_length)
    return with_hint(fail(ErrorCode::out_of_range, "{} tokens do not fit into the context of {}",
                          length + static_cast<int64_t>(tokens.size()), info.context_length),
                     "give fewer tokens, or a model with a longer context");
  return {};
}

/// Refuses spans of different lengths and targets outside the vocabulary.
inline Status check_targets(const ModelInfo& info, std::span<const int32_t> tokens,
                            std::span<const int32_t> targets, std::span<const TokenScore> scores) {
  if (tokens.size() != targets.size() || tokens.size() != scores.size())
    return fail(ErrorCode::invalid_argument, "{} tokens with {} targets for {} scores",
                tokens.size(), targets.size(), scores.size());
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i] < 0 || targets[i] >= info.vocab_size)
      return fail(ErrorCode::out_of_range, "target {} of token {} is outside the vocabulary of {}",
                  targets[i], i, info.vocab_size);
  return {};
}

}  // namespace anemone::lm
