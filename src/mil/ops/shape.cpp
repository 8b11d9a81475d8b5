#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX };
constexpr Parameter kParameters[] = {{"x", kAny}};

Inferred infer(const Operands& in, size_t) {
  return infers(DType::int32, Shape{static_cast<int64_t>(in.shape(kX).rank())});
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Shape& shape = in.shape(kX);
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    outputs[0].set(static_cast<int64_t>(axis), static_cast<double>(shape[axis]));
  return {};
}

}  // namespace

extern constinit const OpDef k_shape{
    .name = "shape",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "The dimensions of x as a vector; x itself is not read, so a known shape folds."};

}  // namespace anemone::mil
