#pragma once

#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "base/error.h"

namespace anemone::lm {

/// `LanguageModel::extend_greedy` of a model that gives logits.
inline Result<int32_t> extend_by_logits(LanguageModel& model, Sequence& sequence,
                                        std::span<const int32_t> tokens) {
  if (tokens.empty()) return fail(ErrorCode::invalid_argument, "no token to continue from");
  const int64_t before = sequence.length();
  std::vector<float> logits(static_cast<size_t>(model.info().vocab_size));
  ANEMONE_RETURN_IF_ERROR(model.extend(sequence, tokens, Rows::last, logits));
  auto token = best_token(logits);
  if (!token.ok()) sequence.truncate(before);
  return token;
}

}  // namespace anemone::lm
