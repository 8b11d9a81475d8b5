#include "mil/ops/inference.h"

namespace anemone::mil {

Inferred infer_shape_given(const Operands& in, size_t p, DType dtype) {
  const Shape& vector = in.shape(p);
  if (vector.rank() != 1) return violates("c1", "shape has rank {}, expected 1", vector.rank());
  if (vector[0] == kUnknownDim) {
    ValueType type = ValueType::of(dtype, {});
    type.tensor.variable_rank = true;
    return std::vector{type};
  }
  if (vector[0] > static_cast<int64_t>(Shape::kMaxRank))
    return violates("c2", "shape has {} entries, at most {} are possible", vector[0],
                    Shape::kMaxRank);
  const auto dims = in.integers(p);
  Shape shape;
  for (int64_t i = 0; i < vector[0]; ++i) {
    const int64_t dim = dims ? (*dims)[static_cast<size_t>(i)] : kUnknownDim;
    if (dims && dim < 0) return violates("c3", "shape[{}] is {}, expected 0 or more", i, dim);
    shape.push_back(dim);
  }
  return infers(dtype, shape);
}

}  // namespace anemone::mil
