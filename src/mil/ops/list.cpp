#include "mil/ops/list.h"

namespace anemone::mil {

std::optional<TensorType> list_element(const Operands& in, size_t p) {
  const ValueType& type = *in.at(p).type;
  if (type.elements.size() != 1 || type.elements[0].kind != ValueType::Kind::tensor)
    return std::nullopt;
  const TensorType& element = type.elements[0].tensor;
  if (element.variable_rank || element.shape.rank() == Shape::kMaxRank) return std::nullopt;
  return element;
}

int64_t list_length(const Operands& in, size_t p) {
  const Tensor* list = in.value(p);
  return list == nullptr ? kUnknownDim : list->shape()[0];
}

ValueType list_of(const TensorType& element, int64_t length) {
  ValueType type;
  type.kind = ValueType::Kind::list;
  type.elements.push_back(ValueType::of(element.dtype, element.shape));
  type.list_length = length;
  return type;
}

std::optional<int64_t> list_index(const Operands& in, size_t p) {
  const Tensor* value = in.value(p);
  if (value == nullptr || value->element_count() != 1) return std::nullopt;
  return static_cast<int64_t>(value->at(0));
}

}  // namespace anemone::mil
