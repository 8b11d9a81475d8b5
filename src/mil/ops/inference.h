#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "mil/op.h"
#include "mil/ops/axes.h"

/// What the type inferences of many ops share: axes and arithmetic on dimensions that may be
/// unknown.
namespace anemone::mil {

/// Element types that data movement takes.
inline constexpr DTypeSet kData = kNumber | kBool;

/// Element types of indices.
inline constexpr DTypeSet kIndexTypes{DType::int8, DType::uint8, DType::int16, DType::uint16,
                                      DType::int32};

/// Unknown when either is; a result beyond int64 becomes the largest number, which no allocation
/// grants.
inline int64_t multiply_dims(int64_t a, int64_t b) {
  if (a == kUnknownDim || b == kUnknownDim) return kUnknownDim;
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() : product;
}

inline int64_t add_dims(int64_t a, int64_t b) {
  if (a == kUnknownDim || b == kUnknownDim) return kUnknownDim;
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

/// Product of the dimensions [first, last) of `shape`.
inline int64_t multiply_dims(const Shape& shape, size_t first, size_t last) {
  int64_t product = 1;
  for (size_t i = first; i < last; ++i) product = multiply_dims(product, shape[i]);
  return product;
}

/// Whether the two dimensions can be equal at run time.
inline bool dims_agree(int64_t a, int64_t b) {
  return a == b || a == kUnknownDim || b == kUnknownDim;
}

inline bool shapes_agree(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.rank(); ++i)
    if (!dims_agree(a[i], b[i])) return false;
  return true;
}

/// The result of an op with one tensor.
inline Inferred infers(DType dtype, const Shape& shape) {
  return std::vector{ValueType::of(dtype, shape)};
}

/// One tensor of the shape that the run-time vector `p` holds; unknown dimensions, or even an
/// unknown rank, where the vector is not known yet. `c1` … `c3` are its constraints: a vector, not
/// longer than the highest rank, without negative entries.
Inferred infer_shape_given(const Operands& in, size_t p, DType dtype);

}  // namespace anemone::mil
