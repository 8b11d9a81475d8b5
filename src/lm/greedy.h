#pragma once

#include <cmath>
#include <span>

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

}  // namespace anemone::lm
