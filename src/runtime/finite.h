#pragma once

#include <cstdint>

namespace anemone::runtime {

/// Whether none of the numbers is an infinity or NaN.
bool all_finite(const float* values, int64_t count);
/// Of fp16 numbers.
bool all_finite(const uint16_t* values, int64_t count);

}  // namespace anemone::runtime
