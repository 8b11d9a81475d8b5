#pragma once

#include "mil/op.h"

namespace anemone::mil {

/// int32 [N, R]: the indices of the N elements of parameter `p` that are not zero; N is unknown
/// until the value is.
Inferred infer_nonzero(const Operands& in, size_t p);

/// Writes the indices of the elements of `x` that are not zero, row by row, into `indices` [N, R].
void list_nonzero(const Tensor& x, Tensor& indices);

}  // namespace anemone::mil
