#include "mil/resolve.h"

#include <algorithm>

namespace anemone::mil {
namespace {

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

/// A constant that type inference need not read: only its type matters until the program runs.
bool is_weight(const std::optional<TensorType>& stored) {
  return stored && stored->dtype != DType::int32 && stored->dtype != DType::bool_ &&
         stored->dtype != DType::string;
}

bool takes_kind(const OpDef& op, const Parameter& parameter, ValueType::Kind kind) {
  if (op.kind == OpKind::constant) return true;
  if (op.kind == OpKind::control && kind == ValueType::Kind::list) return true;
  return kind == parameter.kind;
}

}  // namespace

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
  if (value.type.kind == ValueType::Kind::tensor && value.tensor.defined())
    operand.value = &value.tensor;
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
      const auto stored = storage_type(*operand.type);
      if (parameter.binding == BindingRule::constant &&
          (!operand.constant || (operand.value == nullptr && !is_weight(stored))))
        faults.push_back(violates("arg_c6", "parameter '{}' is {}, which is not a constant",
                                  parameter.name, describe(source)));
      if (stored && !parameter.types.contains(stored->dtype))
        faults.push_back(violates("arg_c7",
                                  "parameter '{}' is {} of dtype {}, which it does not take",
                                  parameter.name, describe(source), to_string(stored->dtype)));
    }
  }
  return result;
}

}  // namespace anemone::mil
