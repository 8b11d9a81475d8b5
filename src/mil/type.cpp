#include "mil/type.h"

#include <algorithm>

#include "base/error.h"

namespace anemone::mil {
namespace {

std::optional<std::string> tensor_fault(const Tensor& tensor, const TensorType& type,
                                        bool deferred) {
  if (!tensor.defined() && !deferred) return std::string("has a type but no contents");
  if (type.variable_rank) return std::string("a constant has a known rank");
  if (!tensor.defined()) {
    if (type.shape.is_known()) return std::nullopt;
    return fmt::format("is deferred with shape {}, which is not known", type.shape.to_string());
  }
  if (tensor.dtype() != type.dtype)
    return fmt::format("holds {}, its type says {}", to_string(tensor.dtype()),
                       to_string(type.dtype));
  if (tensor.shape() != type.shape)
    return fmt::format("has shape {}, its type says {}", tensor.shape().to_string(),
                       type.shape.to_string());
  return std::nullopt;
}

}  // namespace

std::string_view kind_name(ValueType::Kind kind) {
  switch (kind) {
    case ValueType::Kind::tensor:
      return "tensor";
    case ValueType::Kind::list:
      return "list";
    case ValueType::Kind::tuple:
      return "tuple";
    case ValueType::Kind::dictionary:
      return "dictionary";
    case ValueType::Kind::state:
      return "state";
  }
  return "value";
}

std::optional<std::string> type_fault(const ValueType& type) {
  size_t expected_elements = 0;
  switch (type.kind) {
    case ValueType::Kind::tensor:
    case ValueType::Kind::state:
      break;
    case ValueType::Kind::list:
      expected_elements = 1;
      if (type.list_length < kUnknownDim || type.list_length > kMaxDim)
        return fmt::format("list length {} is outside 0 … {}", type.list_length, kMaxDim);
      break;
    case ValueType::Kind::dictionary:
      expected_elements = 2;
      break;
    case ValueType::Kind::tuple:
      expected_elements = type.elements.size();
  }
  if (type.elements.size() != expected_elements)
    return fmt::format("a {} type has {} element types, expected {}", kind_name(type.kind),
                       type.elements.size(), expected_elements);
  for (const ValueType& element : type.elements) {
    if (element.kind == ValueType::Kind::state) return std::string("a state inside another type");
    if (auto fault = type_fault(element)) return fault;
  }
  int64_t elements = 1;
  for (const int64_t dim : type.tensor.shape) {
    if (dim < kUnknownDim || dim > kMaxDim)
      return fmt::format("dimension {} is outside 0 … {}", dim, kMaxDim);
    if (dim <= 0) continue;
    if (elements > kMaxElements / dim)
      return fmt::format("shape {} has more than {} elements", type.tensor.shape.to_string(),
                         kMaxElements);
    elements *= dim;
  }
  return std::nullopt;
}

bool compatible(const TensorType& a, const TensorType& b) {
  if (a.dtype != b.dtype) return false;
  if (a.variable_rank || b.variable_rank) return true;
  return std::ranges::equal(a.shape.dims(), b.shape.dims(), [](int64_t x, int64_t y) {
    return x == kUnknownDim || y == kUnknownDim || x == y;
  });
}

bool compatible(const ValueType& a, const ValueType& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == ValueType::Kind::tensor || a.kind == ValueType::Kind::state)
    return compatible(a.tensor, b.tensor);
  return std::ranges::equal(a.elements, b.elements, [](const ValueType& x, const ValueType& y) {
    return compatible(x, y);
  });
}

std::optional<TensorType> storage_type(const ValueType& type) {
  if (type.kind == ValueType::Kind::tensor || type.kind == ValueType::Kind::state)
    return type.tensor;
  if (type.kind == ValueType::Kind::dictionary && type.tensor.shape.rank() == 1) return type.tensor;
  if (type.kind != ValueType::Kind::list || type.elements.size() != 1 ||
      type.elements[0].kind != ValueType::Kind::tensor)
    return std::nullopt;
  TensorType stored = type.elements[0].tensor;
  if (stored.variable_rank || stored.shape.rank() == Shape::kMaxRank) return std::nullopt;
  stored.shape.insert(0, type.list_length);
  return stored;
}

std::optional<std::string> value_fault(const Value& value) {
  const ValueType& type = value.type;
  const auto element = [](const Value& part, const ValueType& declared,
                          std::string_view what) -> std::optional<std::string> {
    if (!compatible(declared, part.type))
      return fmt::format("{} is {}, its type says {}", what, to_string(part.type),
                         to_string(declared));
    if (auto fault = value_fault(part)) return fmt::format("{} {}", what, *fault);
    return std::nullopt;
  };
  switch (type.kind) {
    case ValueType::Kind::tensor:
      return tensor_fault(value.tensor, type.tensor, value.blob != nullptr);
    case ValueType::Kind::state:
      return std::string("a state cannot be a constant");
    case ValueType::Kind::list:
      if (type.elements.size() != 1) return std::string("the type of a list names its element");
      if (type.list_length != kUnknownDim &&
          type.list_length != static_cast<int64_t>(value.elements.size()))
        return fmt::format("has {} elements, its type says {}", value.elements.size(),
                           type.list_length);
      for (const Value& part : value.elements)
        if (auto fault = element(part, type.elements[0], "an element")) return fault;
      return std::nullopt;
    case ValueType::Kind::tuple:
      if (type.elements.size() != value.elements.size())
        return fmt::format("has {} elements, its type says {}", value.elements.size(),
                           type.elements.size());
      for (size_t i = 0; i < value.elements.size(); ++i)
        if (auto fault = element(value.elements[i], type.elements[i], "an element")) return fault;
      return std::nullopt;
    case ValueType::Kind::dictionary:
      if (type.elements.size() != 2)
        return std::string("the type of a dictionary names key and value");
      for (const auto& [key, entry] : value.entries) {
        if (auto fault = element(key, type.elements[0], "a key")) return fault;
        if (auto fault = element(entry, type.elements[1], "an entry")) return fault;
      }
      return std::nullopt;
  }
  return std::nullopt;
}

ValueType concrete_type(const ValueType& type, const Tensor& value) {
  ValueType result = type;
  Shape shape = value.shape();
  if (type.kind == ValueType::Kind::list) {
    result.list_length = shape[0];
    shape.erase(0);
    result.elements[0].tensor.shape = shape;
    return result;
  }
  result.tensor.shape = shape;
  result.tensor.variable_rank = false;
  return result;
}

ValueType merged_type(const ValueType& declared, const ValueType& inferred) {
  ValueType result = declared;
  if (declared.tensor.variable_rank) {
    result.tensor = inferred.tensor;
  } else if (!inferred.tensor.variable_rank) {
    for (size_t axis = 0; axis < result.tensor.shape.rank(); ++axis)
      if (result.tensor.shape[axis] == kUnknownDim)
        result.tensor.shape[axis] = inferred.tensor.shape[axis];
  }
  if (declared.list_length == kUnknownDim) result.list_length = inferred.list_length;
  for (size_t i = 0; i < result.elements.size(); ++i)
    result.elements[i] = merged_type(declared.elements[i], inferred.elements[i]);
  return result;
}

ValueType unknown_type(const ValueType& type) {
  ValueType result;
  result.tensor.dtype = type.tensor.dtype;
  result.tensor.variable_rank = true;
  return result;
}

}  // namespace anemone::mil
