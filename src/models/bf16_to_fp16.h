#pragma once

#include <cstddef>
#include <cstdint>

namespace anemone::models {

/// Rounds to nearest even; what does not fit becomes infinity, NaN stays NaN. The ranges do not
/// overlap.
void bf16_to_fp16(const uint16_t* from, uint16_t* to, size_t count);

}  // namespace anemone::models
