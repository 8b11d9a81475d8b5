#pragma once

#include "mil/op.h"

namespace anemone::mil {

/// x with its last two axes scaled: floor(length * factor). Constraints: c1 rank 3 or more, c2
/// factors that leave at least one element, c3 axes that are not empty.
Inferred infer_upsampled(const Operands& in, size_t x, size_t height_factor, size_t width_factor);

/// x with its last two axes replaced by the constant lengths. The same constraints.
Inferred infer_resized(const Operands& in, size_t x, size_t height, size_t width);

}  // namespace anemone::mil
