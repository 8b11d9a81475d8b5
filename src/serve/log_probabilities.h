#pragma once

#include <cstdint>
#include <span>

#include "anemone/result.h"
#include "serve/work.h"

namespace anemone::serve {

/// What OpenAI's interface says of a token that has no probability.
constexpr double kNoProbability = -9999;

/// `token` and the `top` likeliest under a row of logits, by the arithmetic of lm::score_token.
/// Errors: as lm::score_token, but for a token without probability.
Result<TokenLogprobs> log_probabilities(std::span<const float> logits, int32_t token, int64_t top);

}  // namespace anemone::serve
