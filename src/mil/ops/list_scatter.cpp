#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kLs, kIndices, kValue };
constexpr Parameter kParameters[] = {
    {"ls", kAny, Presence::required, BindingRule::any, ValueType::Kind::list},
    {"indices", kInt32},
    {"value", kData}};

Inferred infer(const Operands& in, size_t) {
  const auto element = list_element(in, kLs);
  if (!element) return violates("c1", "ls does not hold tensors of one type");
  const Shape& indices = in.shape(kIndices);
  if (indices.rank() != 1)
    return violates("c2", "indices have rank {}, expected 1", indices.rank());
  Shape expected = element->shape;
  expected.insert(0, indices[0]);
  if (element->dtype != in.dtype(kValue) || !shapes_agree(expected, in.shape(kValue)))
    return violates("c3", "value is {}, expected {} {}", to_string(*in.at(kValue).type),
                    to_string(element->dtype), expected.to_string());
  int64_t length = list_length(in, kLs);
  const auto positions = in.integers(kIndices);
  if (!positions) length = kUnknownDim;
  for (size_t i = 0; positions && i < positions->size(); ++i) {
    if ((*positions)[i] < 0)
      return violates("c4", "indices[{}] is {}, expected 0 or more", i, (*positions)[i]);
    if (length != kUnknownDim) length = std::max(length, (*positions)[i] + 1);
  }
  return std::vector{list_of(*element, length)};
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& indices = *in.value(kIndices);
  const Tensor& value = *in.value(kValue);
  const int64_t size = value.shape().stride(0);
  copy_all(*in.value(kLs), outputs[0]);
  for (int64_t i = 0; i < indices.element_count(); ++i)
    copy_run(value, i * size, outputs[0], static_cast<int64_t>(indices.at(i)) * size, size);
  return {};
}

}  // namespace

extern constinit const OpDef k_list_scatter{
    .name = "list_scatter",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "A list with several elements replaced; it grows to hold the largest index."};

}  // namespace anemone::mil
