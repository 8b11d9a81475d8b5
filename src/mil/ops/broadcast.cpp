#include "mil/ops/broadcast.h"

#include <algorithm>

#include "mil/ops/inference.h"

namespace anemone::mil {

std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const size_t lead = longer.rank() - shorter.rank();
  for (size_t axis = 0; axis < shorter.rank(); ++axis) {
    int64_t& dim = result[lead + axis];
    const int64_t other = shorter[axis];
    if (dim == other || other == 1) continue;
    if (dim == 1 || dim == kUnknownDim) {
      dim = other;
    } else if (other != kUnknownDim) {
      return std::nullopt;
    }
  }
  return result;
}

BroadcastWalk::BroadcastWalk(const Shape& operand, const Shape& result) : result_(result) {
  const size_t lead = result.rank() - operand.rank();
  for (size_t axis = 0; axis < operand.rank(); ++axis)
    strides_[lead + axis] = operand[axis] == 1 ? 0 : operand.stride(axis);
}

void BroadcastWalk::next() {
  for (size_t axis = result_.rank(); axis-- > 0;) {
    offset_ += strides_[axis];
    if (++index_[axis] < result_[axis]) return;
    offset_ -= strides_[axis] * result_[axis];
    index_[axis] = 0;
  }
}

Inferred infer_broadcast(const Operands& in, size_t) {
  const DType dtype = in.dtype(kBroadcastX);
  if (in.dtype(kBroadcastY) != dtype)
    return violates("c1", "x is {} and y is {}, expected one dtype", to_string(dtype),
                    to_string(in.dtype(kBroadcastY)));
  const auto shape = broadcast_shapes(in.shape(kBroadcastX), in.shape(kBroadcastY));
  if (!shape)
    return violates("c2", "x {} and y {} do not broadcast", in.shape(kBroadcastX).to_string(),
                    in.shape(kBroadcastY).to_string());
  return infers(dtype, *shape);
}

Inferred infer_comparison(const Operands& in, size_t outputs) {
  Inferred inferred = infer_broadcast(in, outputs);
  if (auto* types = std::get_if<std::vector<ValueType>>(&inferred))
    types->front().tensor.dtype = DType::bool_;
  return inferred;
}

}  // namespace anemone::mil
