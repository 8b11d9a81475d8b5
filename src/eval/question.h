#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "eval/generation.h"
#include "eval/tokens.h"

namespace anemone::eval {

/// What the model is asked, as tokens that fit its context: what follows `context` is scored or
/// generated. Nothing else decides the answer.
struct Question {
  TokenPair tokens;  ///< the continuation is empty where one is generated.
  std::shared_ptr<const GenerationOptions> generation;  ///< null: the continuation is scored.

  /// Of the run; they say nothing to the model.
  uint32_t task = 0;
  uint32_t document = 0;  ///< position among those that are asked.
  uint32_t request = 0;   ///< position in its document; windows of one text have the same.

  std::span<const int32_t> context() const { return tokens.context(); }
  std::span<const int32_t> continuation() const { return tokens.continuation; }
  bool generates() const { return generation != nullptr; }

  /// Tokens that the model must take to answer: all but the last one of the continuation.
  size_t input_size() const {
    return context().size() + (generates() ? 0 : continuation().size() - 1);
  }
  /// All tokens: of the context and of the continuation.
  size_t size() const { return context().size() + continuation().size(); }
  int32_t token(size_t index) const {
    const auto before = context();
    return index < before.size() ? before[index] : tokens.continuation[index - before.size()];
  }
};

}  // namespace anemone::eval
