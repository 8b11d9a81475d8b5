#include "mil/ops/nonzero.h"

#include "mil/ops/inference.h"

namespace anemone::mil {

Inferred infer_nonzero(const Operands& in, size_t p) {
  int64_t count = kUnknownDim;
  if (const Tensor* x = in.value(p)) {
    count = 0;
    for (int64_t i = 0; i < x->element_count(); ++i) count += x->at(i) != 0 ? 1 : 0;
  }
  return infers(DType::int32, Shape{count, static_cast<int64_t>(in.shape(p).rank())});
}

void list_nonzero(const Tensor& x, Tensor& indices) {
  const Shape& shape = x.shape();
  int64_t to = 0;
  for (int64_t i = 0; i < x.element_count(); ++i) {
    if (x.at(i) == 0) continue;
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      indices.set(to++, static_cast<double>(i / shape.stride(axis) % shape[axis]));
  }
}

}  // namespace anemone::mil
