#pragma once

#include <cstdint>
#include <span>

#include "anemone/calibrate.h"

namespace anemone::calibrate {

/// Adds what two models say of one token to `sums`, whose means are sums here; an error adds
/// nothing. Logits of -inf, tokens that a model excludes, count where both exclude them. Errors:
/// out_of_range (a logit is not a number, the highest is infinite, the target is excluded, or the
/// compressed model excludes what the dense one does not: a divergence without end).
Status add_token(std::span<const float> dense, std::span<const float> compressed, int32_t target,
                 Comparison& sums);

}  // namespace anemone::calibrate
