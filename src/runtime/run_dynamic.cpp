// Steps whose shapes are found while they run.

#include "base/error.h"
#include "mil/evaluate.h"
#include "mil/interpret.h"
#include "runtime/plan_runner.h"

namespace anemone::runtime {

Status PlanRunner::adopt(ValueId id, const mil::ValueType& type, Tensor tensor) {
  const mil::ValueType actual = mil::concrete_type(type, tensor);
  const auto planned = mil::storage_type(plan_->values[index(id)].type);
  const auto found = mil::storage_type(actual);
  bool agrees = planned && found;
  if (agrees && !planned->variable_rank) {
    agrees = planned->shape.rank() == found->shape.rank();
    for (size_t axis = 0; agrees && axis < found->shape.rank(); ++axis)
      agrees = planned->shape[axis] == kUnknownDim || planned->shape[axis] == found->shape[axis];
  }
  if (!agrees)
    return fail(ErrorCode::mismatch, "'{}' is {}, the program says {}",
                plan_->values[index(id)].name, mil::to_string(actual),
                mil::to_string(plan_->values[index(id)].type));
  const DType storage = plan_->values[index(id)].storage_dtype;
  if (tensor.dtype() != storage) {
    // Constants inside nested blocks are fp16 under Numerics::fp32, too.
    const bool widens = tensor.dtype() == DType::fp16 && planned->dtype == DType::fp16;
    if (!widens)
      return fail(ErrorCode::mismatch, "'{}' holds {}, the program says {}",
                  plan_->values[index(id)].name, anemone::to_string(tensor.dtype()),
                  mil::to_string(plan_->values[index(id)].type));
    tensor = tensor.converted(storage);
  }
  types_[index(id)] = actual;
  tensors_[index(id)] = std::move(tensor);
  return {};
}

Status PlanRunner::run_dynamic(const Step& step, const mil::Operands& operands) {
  const mil::Inferred inferred = step.op->infer(operands, step.output_count);
  if (const auto* violation = std::get_if<mil::Violation>(&inferred))
    return fail(ErrorCode::mismatch, "{}  [{}_{}]", violation->message, step.op->name,
                violation->id);
  const auto& types = std::get<std::vector<mil::ValueType>>(inferred);
  if (types.size() != step.output_count)
    return fail(ErrorCode::mismatch, "has {} outputs, the op yields {}", step.output_count,
                types.size());
  ANEMONE_TRY(std::vector<Tensor> results,
              mil::evaluate(*step.op, operands, types, plan_->numerics != Numerics::fp32));
  for (size_t i = 0; i < results.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(
        adopt(step.first_output + static_cast<ValueId>(i), types[i], std::move(results[i])));
  return {};
}

Status PlanRunner::run_control(const Step& step) {
  mil::Scope scope;
  std::vector<std::string_view> state_names;
  std::vector<Tensor> states;
  for (const ValueId id : step.operands) {
    const PlanValue& value = plan_->values[index(id)];
    mil::Operand operand{.type = &types_[index(id)], .value = &tensors_[index(id)]};
    if (value.place == Place::state) {
      state_names.push_back(value.name);
      states.push_back(tensors_[index(id)].clone());
      operand.value = nullptr;
    }
    operand.constant = value.place == Place::constant;
    if (!value.name.empty()) scope.define(value.name, operand);
  }
  ANEMONE_TRY(std::vector<Tensor> results,
              mil::interpret_operation(*step.operation, plan_->opset, scope, state_names, states,
                                       plan_->numerics != Numerics::fp32));
  size_t next_state = 0;
  for (const ValueId id : step.operands)
    if (plan_->values[index(id)].place == Place::state) {
      StateRows* const rows = rows_of_state(id);
      rows->used = rows->rows;
      const Tensor& changed = states[next_state++];
      Tensor& state = tensors_[index(id)];
      for (int64_t e = 0; e < state.element_count(); ++e) state.set(e, changed.at(e));
    }
  for (size_t i = 0; i < results.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(adopt(step.first_output + static_cast<ValueId>(i),
                                  step.operation->outputs[i].type, std::move(results[i])));
  return {};
}

}  // namespace anemone::runtime
