#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kLs, kIndex, kValue };
constexpr Parameter kParameters[] = {
    {"ls", kAny, Presence::required, BindingRule::any, ValueType::Kind::list},
    {"index", kInt32},
    {"value", kData}};

Inferred infer(const Operands& in, size_t) {
  const auto element = list_element(in, kLs);
  if (!element) return violates("c1", "ls does not hold tensors of one type");
  if (element->dtype != in.dtype(kValue) || !shapes_agree(element->shape, in.shape(kValue)))
    return violates("c2", "value is {}, the elements of ls are {} {}",
                    to_string(*in.at(kValue).type), to_string(element->dtype),
                    element->shape.to_string());
  const auto index = list_index(in, kIndex);
  if (index && *index < 0) return violates("c3", "index is {}, expected 0 or more", *index);
  const int64_t length = list_length(in, kLs);
  if (length == kUnknownDim || !index) return std::vector{list_of(*element, kUnknownDim)};
  return std::vector{list_of(*element, std::max(length, *index + 1))};
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& value = *in.value(kValue);
  copy_all(*in.value(kLs), outputs[0]);
  copy_run(value, 0, outputs[0], *list_index(in, kIndex) * value.element_count(),
           value.element_count());
  return {};
}

}  // namespace

extern constinit const OpDef k_list_write{
    .name = "list_write",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "A list with one element replaced; it grows to hold the index, new elements between are "
        "zeros."};

}  // namespace anemone::mil
