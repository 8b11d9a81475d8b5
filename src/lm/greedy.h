#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "base/error.h"

namespace anemone::lm {

/// Index of the largest logit, ties to the lowest. Errors: out_of_range when one is NaN, which no
/// comparison can rank.
inline Result<int32_t> greedy_token(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]))
      return fail(ErrorCode::out_of_range, "logit {} is NaN: the model's numbers overflowed", i);
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<int32_t>(best);
}

/// `LanguageModel::extend_greedy` of a model that gives logits.
inline Result<int32_t> extend_by_logits(LanguageModel& model, Sequence& sequence,
                                        std::span<const int32_t> tokens) {
  if (tokens.empty()) return fail(ErrorCode::invalid_argument, "no token to continue from");
  const int64_t before = sequence.length();
  std::vector<float> logits(static_cast<size_t>(model.info().vocab_size));
  ANEMONE_RETURN_IF_ERROR(model.extend(sequence, tokens, Rows::last, logits));
  auto token = greedy_token(logits);
  if (!token.ok()) sequence.truncate(before);
  return token;
}

}  // namespace anemone::lm
