#include "mil/ops/upsample.h"

#include <cmath>

#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

/// Far above any image; the product with a factor stays exact.
constexpr int64_t kLongestAxis = int64_t{1} << 31;

template <typename Length>
Inferred infer_last_two(const Operands& in, size_t x, const Length& length) {
  Shape shape = in.shape(x);
  if (shape.rank() < 3) return violates("c1", "x has rank {}, expected 3 or more", shape.rank());
  for (const size_t from_back : {size_t{2}, size_t{1}}) {
    const size_t axis = shape.rank() - from_back;
    const double wanted = length(from_back, shape[axis]);
    if (!(wanted >= 1 && wanted <= static_cast<double>(kLongestAxis)) &&
        wanted != static_cast<double>(kUnknownDim))
      return violates("c2", "axis {} would have length {}", axis, wanted);
    if (shape[axis] == 0) return violates("c3", "axis {} of x is empty", axis);
    shape[axis] = static_cast<int64_t>(wanted);
  }
  return infers(in.dtype(x), shape);
}

}  // namespace

Inferred infer_upsampled(const Operands& in, size_t x, size_t height_factor, size_t width_factor) {
  return infer_last_two(in, x, [&](size_t from_back, int64_t length) {
    if (length == kUnknownDim) return static_cast<double>(kUnknownDim);
    const double factor = in.number(from_back == 2 ? height_factor : width_factor, 1);
    return factor > 0 ? std::floor(static_cast<double>(length) * factor) : 0.0;
  });
}

Inferred infer_resized(const Operands& in, size_t x, size_t height, size_t width) {
  return infer_last_two(in, x, [&](size_t from_back, int64_t) {
    const int64_t length = in.integer(from_back == 2 ? height : width, 1);
    return length > 0 ? static_cast<double>(length) : 0.0;
  });
}

}  // namespace anemone::mil
