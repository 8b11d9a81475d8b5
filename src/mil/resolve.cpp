#include "mil/resolve.h"

#include <algorithm>

namespace anemone::mil {
namespace {

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

std::string describe(const Source& source) {
  return source.value != nullptr ? std::string("an inline value")
                                 : fmt::format("'{}'", source.name);
}

/// The elements of a constant list of equal tensors, stacked.
std::optional<Tensor> stack(const Value& list) {
  const auto stored = storage_type(list.type);
  if (!stored || stored->shape.rank() == 0) return std::nullopt;
  Shape shape = stored->shape;
  shape[0] = static_cast<int64_t>(list.elements.size());
  if (!shape.is_known()) {
    if (list.elements.empty()) return std::nullopt;
    for (size_t axis = 1; axis < shape.rank(); ++axis)
      shape[axis] = list.elements[0].tensor.shape()[axis - 1];
  }
  for (const Value& element : list.elements)
    if (element.tensor.dtype() != stored->dtype ||
        !std::ranges::equal(element.tensor.shape().dims(), shape.dims().subspan(1)))
      return std::nullopt;
  Tensor stacked = Tensor::zeros(stored->dtype, shape);
  int64_t position = 0;
  for (const Value& element : list.elements)
    for (int64_t i = 0; i < element.tensor.element_count(); ++i, ++position) {
      const auto at = static_cast<size_t>(position);
      if (stored->dtype == DType::string)
        stacked.mutable_strings()[at] = element.tensor.strings()[static_cast<size_t>(i)];
      else
        stacked.set(position, element.tensor.at(i));
    }
  return stacked;
}

std::optional<std::string> tensor_fault(const Tensor& tensor, const TensorType& type) {
  if (!tensor.defined()) return std::string("has a type but no contents");
  if (type.variable_rank) return std::string("a constant has a known rank");
  if (tensor.dtype() != type.dtype)
    return fmt::format("holds {}, its type says {}", to_string(tensor.dtype()),
                       to_string(type.dtype));
  if (tensor.shape() != type.shape)
    return fmt::format("has shape {}, its type says {}", tensor.shape().to_string(),
                       type.shape.to_string());
  return std::nullopt;
}

bool takes_kind(const OpDef& op, const Parameter& parameter, ValueType::Kind kind) {
  if (op.kind == OpKind::constant) return true;
  if (op.kind == OpKind::control && kind == ValueType::Kind::list) return true;
  return kind == parameter.kind;
}

/// `?` dimensions of `declared` stand for any.
bool matches_element(const ValueType& declared, const ValueType& found) {
  if (declared.kind != found.kind) return false;
  if (declared.kind == ValueType::Kind::tensor) {
    if (declared.tensor.dtype != found.tensor.dtype) return false;
    if (declared.tensor.variable_rank) return true;
    return std::ranges::equal(
        declared.tensor.shape.dims(), found.tensor.shape.dims(),
        [](int64_t a, int64_t b) { return a == kUnknownDim || b == kUnknownDim || a == b; });
  }
  return std::ranges::equal(declared.elements, found.elements, matches_element);
}

}  // namespace

std::optional<TensorType> storage_type(const ValueType& type) {
  if (type.kind == ValueType::Kind::tensor || type.kind == ValueType::Kind::state)
    return type.tensor;
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
    if (!matches_element(declared, part.type))
      return fmt::format("{} is {}, its type says {}", what, to_string(part.type),
                         to_string(declared));
    if (auto fault = value_fault(part)) return fmt::format("{} {}", what, *fault);
    return std::nullopt;
  };
  switch (type.kind) {
    case ValueType::Kind::tensor:
      return tensor_fault(value.tensor, type.tensor);
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

bool Scope::define(std::string_view name, const Operand& operand) {
  if (outer_ != nullptr && outer_->find(name) != nullptr) return false;
  return values_.emplace(name, operand).second;
}

const Operand* Scope::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return &found->second;
  return outer_ != nullptr ? outer_->find(name) : nullptr;
}

ParameterSources match_parameters(const Operation& operation, const OpDef& op,
                                  std::vector<Violation>& faults) {
  std::vector<const Argument*> bound(op.parameters.size(), nullptr);
  for (const Argument& argument : operation.inputs) {
    const auto found = std::ranges::find(op.parameters, argument.parameter, &Parameter::name);
    if (found == op.parameters.end()) {
      faults.push_back(violates("arg_c1", "no parameter '{}'", argument.parameter));
      continue;
    }
    const auto index = static_cast<size_t>(found - op.parameters.begin());
    if (bound[index] != nullptr)
      faults.push_back(violates("arg_c3", "parameter '{}' is bound twice", argument.parameter));
    bound[index] = &argument;
  }
  ParameterSources result;
  result.offsets.push_back(0);
  for (size_t p = 0; p < op.parameters.size(); ++p) {
    const Parameter& parameter = op.parameters[p];
    const Value* attribute =
        bound[p] == nullptr ? operation.find_attribute(parameter.name) : nullptr;
    if (bound[p] != nullptr) {
      const size_t count = bound[p]->bindings.size();
      if (count != 1 && parameter.binding != BindingRule::variadic)
        faults.push_back(
            violates("arg_c4", "parameter '{}' has {} bindings, takes 1", parameter.name, count));
      for (const Binding& binding : bound[p]->bindings)
        result.sources.push_back(binding.is_name() ? Source{.name = binding.name()}
                                                   : Source{.value = &binding.value()});
    } else if (attribute != nullptr) {
      result.sources.push_back(Source{.value = attribute});
    } else if (parameter.presence == Presence::required) {
      faults.push_back(violates("arg_c2", "parameter '{}' is missing", parameter.name));
    }
    result.offsets.push_back(static_cast<uint32_t>(result.sources.size()));
  }
  return result;
}

std::optional<Tensor> stored_tensor(const Value& value) {
  if (value.type.kind == ValueType::Kind::tensor) return value.tensor;
  if (value.type.kind == ValueType::Kind::list) return stack(value);
  return std::nullopt;
}

Operand BoundInputs::inline_operand(const Value& value) {
  Operand operand{.type = &value.type, .constant = true};
  if (value.type.kind == ValueType::Kind::tensor) operand.value = &value.tensor;
  if (value.type.kind == ValueType::Kind::list) {
    if (auto stacked = stack(value)) operand.value = &lists_.emplace_back(*std::move(stacked));
  }
  return operand;
}

BoundInputs BoundInputs::resolve(const Operation& operation, const OpDef& op, const Scope& scope,
                                 std::vector<Violation>& faults) {
  ParameterSources matched = match_parameters(operation, op, faults);
  BoundInputs result;
  result.offsets_ = std::move(matched.offsets);
  for (size_t p = 0; p < op.parameters.size(); ++p) {
    const Parameter& parameter = op.parameters[p];
    for (uint32_t i = result.offsets_[p]; i < result.offsets_[p + 1]; ++i) {
      const Source& source = matched.sources[i];
      Operand operand;
      if (source.value != nullptr) {
        if (const auto fault = value_fault(*source.value))
          faults.push_back(violates("arg_c9", "inline value of '{}' {}", parameter.name, *fault));
        else
          operand = result.inline_operand(*source.value);
      } else if (const Operand* found = scope.find(source.name)) {
        operand = *found;
      } else {
        faults.push_back(violates("arg_c5",
                                  "'{}', bound to '{}', is not defined before this operation",
                                  source.name, parameter.name));
      }
      result.operands_.push_back(operand);
      if (operand.type == nullptr) continue;

      const ValueType::Kind kind = operand.type->kind;
      if (!takes_kind(op, parameter, kind)) {
        faults.push_back(violates("arg_c8", "parameter '{}' is {}, a {}; it takes a {}",
                                  parameter.name, describe(source), kind_name(kind),
                                  kind_name(parameter.kind)));
        continue;
      }
      if (parameter.binding == BindingRule::constant && !operand.constant)
        faults.push_back(violates("arg_c6", "parameter '{}' is {}, which is not a constant",
                                  parameter.name, describe(source)));
      const auto stored = storage_type(*operand.type);
      if (stored && !parameter.types.contains(stored->dtype))
        faults.push_back(violates("arg_c7",
                                  "parameter '{}' is {} of dtype {}, which it does not take",
                                  parameter.name, describe(source), to_string(stored->dtype)));
    }
  }
  return result;
}

}  // namespace anemone::mil
