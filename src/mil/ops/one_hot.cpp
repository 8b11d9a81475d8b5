#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kIndices, kOneHotVectorSize, kAxis, kOnValue, kOffValue };
constexpr Parameter kParameters[] = {
    {"indices", kInt32},
    {"one_hot_vector_size", kInt32},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"on_value", kData, Presence::optional, BindingRule::constant},
    {"off_value", kData, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  Shape shape = in.shape(kIndices);
  if (shape.rank() == Shape::kMaxRank)
    return violates("c1", "indices have rank {}, at most {} is possible", shape.rank(),
                    Shape::kMaxRank - 1);
  const auto axis = axis_from_front(in.integer(kAxis, -1), shape.rank() + 1);
  if (!axis)
    return violates("c2", "axis is {}, the result has rank {}", in.integer(kAxis, -1),
                    shape.rank() + 1);
  if (in.has(kOnValue) && in.has(kOffValue) && in.dtype(kOnValue) != in.dtype(kOffValue))
    return violates("c3", "on_value is {} and off_value is {}, expected one dtype",
                    to_string(in.dtype(kOnValue)), to_string(in.dtype(kOffValue)));
  const Tensor* size = in.value(kOneHotVectorSize);
  if (size != nullptr && (size->element_count() != 1 || size->at(0) < 0))
    return violates("c4", "one_hot_vector_size is not one number of 0 or more");
  shape.insert(*axis, size == nullptr ? kUnknownDim : static_cast<int64_t>(size->at(0)));
  const DType dtype = in.has(kOnValue)    ? in.dtype(kOnValue)
                      : in.has(kOffValue) ? in.dtype(kOffValue)
                                          : DType::int32;
  return infers(dtype, shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& indices = *in.value(kIndices);
  Tensor& out = outputs[0];
  const size_t axis = *axis_from_front(in.integer(kAxis, -1), indices.shape().rank() + 1);
  const double off = in.number(kOffValue, 0);
  const double on = in.number(kOnValue, 1);
  const int64_t length = out.shape()[axis];
  const int64_t inner = out.shape().stride(axis);
  for (int64_t i = 0; i < out.element_count(); ++i) out.set(i, off);
  for (int64_t i = 0; i < indices.element_count(); ++i) {
    const auto index = static_cast<int64_t>(indices.at(i));
    if (index >= 0 && index < length) out.set((i / inner * length + index) * inner + i % inner, on);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_one_hot{
    .name = "one_hot",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "A new axis that holds on_value at the index and off_value elsewhere; an index outside it "
        "gives off_value alone."};

}  // namespace anemone::mil
