#pragma once

#include "mil/op.h"

/// Sparse constants: a mask of one bit for each element, and the elements whose bit is set.
namespace anemone::mil {

/// A mask as uint1 elements of `shape`: itself, or the bytes that packed it before iOS18. Borrows
/// the bytes.
Tensor mask_bits(const Tensor& mask, const Shape& shape);

/// Constraints: c6 the nonzero data is a vector; c7 it has one element for each set bit of the mask
/// of `shape`, which is checked where the mask is known.
std::optional<Violation> check_nonzero(const Operands& in, size_t nonzero_data, size_t mask,
                                       const Shape& shape);

}  // namespace anemone::mil
