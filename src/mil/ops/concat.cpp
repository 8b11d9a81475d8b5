#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kValues, kAxis, kInterleave };
constexpr Parameter kParameters[] = {
    {"values", kData, Presence::required, BindingRule::variadic},
    {"axis", kInt32, Presence::required, BindingRule::constant},
    {"interleave", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const size_t rank = in.shape(kValues).rank();
  const DType dtype = in.dtype(kValues);
  const size_t count = in.count(kValues);
  for (size_t i = 1; i < count; ++i) {
    if (in.shape(kValues, i).rank() != rank)
      return violates("c1", "values[{}] has rank {}, values[0] has rank {}", i,
                      in.shape(kValues, i).rank(), rank);
    if (in.dtype(kValues, i) != dtype)
      return violates("c2", "values[{}] is {}, values[0] is {}", i, to_string(in.dtype(kValues, i)),
                      to_string(dtype));
  }
  if (rank == 0) return infers(dtype, Shape{static_cast<int64_t>(count)});
  const auto axis = axis_from_front(in.integer(kAxis, 0), rank);
  if (!axis)
    return violates("c3", "axis is {}, the values have rank {}", in.integer(kAxis, 0), rank);
  const bool interleave = in.boolean(kInterleave, false);
  Shape shape = in.shape(kValues);
  for (size_t i = 1; i < count; ++i) {
    const Shape& other = in.shape(kValues, i);
    for (size_t d = 0; d < rank; ++d) {
      if (d == *axis && !interleave) {
        shape[d] = add_dims(shape[d], other[d]);
        continue;
      }
      if (!dims_agree(shape[d], other[d]))
        return violates("c4", "values[{}] has shape {}, values[0] has shape {}", i,
                        other.to_string(), in.shape(kValues).to_string());
      if (shape[d] == kUnknownDim) shape[d] = other[d];
    }
  }
  if (interleave) shape[*axis] = multiply_dims(shape[*axis], static_cast<int64_t>(count));
  return infers(dtype, shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const size_t rank = in.value(kValues)->shape().rank();
  const size_t count = in.count(kValues);
  if (rank == 0) {
    for (size_t i = 0; i < count; ++i)
      copy_run(*in.value(kValues, i), 0, outputs[0], static_cast<int64_t>(i), 1);
    return {};
  }
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), rank);
  const bool interleave = in.boolean(kInterleave, false);
  Layout to = Layout::dense(outputs[0].shape());
  const int64_t step = to.strides[axis];
  if (interleave) to.strides[axis] *= static_cast<int64_t>(count);
  for (size_t i = 0; i < count; ++i) {
    const Tensor& value = *in.value(kValues, i);
    copy_block(value.shape(), value, Layout::dense(value.shape()), outputs[0], to);
    to.offset += interleave ? step : step * value.shape()[axis];
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_concat{
    .name = "concat",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Joins tensors along an axis, one after the other or element by element (interleave)."};

}  // namespace anemone::mil
