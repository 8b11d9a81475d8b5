#include "mil/ops/affine_quantization.h"

namespace anemone::mil {

std::optional<Violation> check_quantization(const Operands& in, size_t input, size_t scale,
                                            size_t zero_point, size_t axis) {
  const size_t rank = in.shape(scale).rank();
  if (rank > 1) return violates("c1", "scale has rank {}, expected 0 or 1", rank);
  if (in.has(zero_point) && in.shape(zero_point).rank() != rank)
    return violates("c1", "scale has rank {} and zero_point {}", rank, in.shape(zero_point).rank());
  if (in.has(axis) != (rank == 1))
    return violates("c1", "axis goes with vectors, and scale has rank {}", rank);
  if (rank == 0) return std::nullopt;
  const Shape& shape = in.shape(input);
  const auto front = axis_from_front(in.integer(axis, 0), shape.rank());
  if (!front)
    return violates("c2", "axis {} is outside the {} axes of input", in.integer(axis, 0),
                    shape.rank());
  if (!fits_axis(in.shape(scale), shape, *front))
    return violates("c3", "scale is {}, expected [{}]", in.shape(scale).to_string(), shape[*front]);
  if (in.has(zero_point) && !fits_axis(in.shape(zero_point), shape, *front))
    return violates("c3", "zero_point is {}, expected [{}]", in.shape(zero_point).to_string(),
                    shape[*front]);
  return std::nullopt;
}

}  // namespace anemone::mil
