#include <algorithm>

#include "mil/verifier.h"

namespace anemone::mil {
namespace {

std::vector<const ValueType*> types_of(std::span<const Operand> operands) {
  std::vector<const ValueType*> types;
  for (const Operand& operand : operands) types.push_back(operand.type);
  return types;
}

std::vector<const ValueType*> types_of(const std::vector<NamedType>& names) {
  std::vector<const ValueType*> types;
  for (const NamedType& name : names) types.push_back(&name.type);
  return types;
}

}  // namespace

std::vector<const ValueType*> FunctionVerifier::check_nested(const Place& place, const Block& block,
                                                             std::span<const Operand> inputs,
                                                             const Scope& scope,
                                                             const std::string& constraint) {
  Scope inner(&scope);
  for (const NamedType& input : block.inputs) {
    const ValueType* type = &input.type;
    if (!check_type(place, fmt::format("block input '{}'", input.name), input.type))
      type = keep(unknown_type(input.type));
    check_no_state(place, "block input", input);
    define(place, inner, input.name, {.type = type});
  }
  check_yield(place, constraint, "a nested block takes", types_of(block.inputs), types_of(inputs));
  return check_block(place, block, inner);
}

bool FunctionVerifier::check_yield(const Place& place, const std::string& constraint,
                                   std::string_view what, std::span<const ValueType* const> found,
                                   std::span<const ValueType* const> expected) {
  if (found.size() != expected.size()) {
    report(place, constraint, "{} {} values, expected {}", what, found.size(), expected.size());
    return false;
  }
  bool fits = true;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] == nullptr || expected[i] == nullptr || compatible(*found[i], *expected[i]))
      continue;
    report(place, constraint, "{} {} as value {}, expected {}", what, to_string(*found[i]), i,
           to_string(*expected[i]));
    fits = false;
  }
  return fits;
}

void FunctionVerifier::check_condition(const Place& place, const std::string& constraint,
                                       const ValueType& type) {
  const auto count = checked_element_count(type.tensor.shape.dims());
  const bool one = !type.tensor.shape.is_known() || (count && *count == 1);
  if (type.kind != ValueType::Kind::tensor || type.tensor.dtype != DType::bool_ || !one)
    report(place, constraint, "the condition is {}, expected one bool", to_string(type));
}

void FunctionVerifier::check_cond(const Place& place, const BoundInputs& inputs,
                                  const Scope& scope) {
  const Operation& operation = *place.operation;
  if (operation.blocks.size() != 2)
    return report(place, "cond_c1", "has {} blocks, expected 2", operation.blocks.size());
  check_condition(place, "cond_c2", *inputs.all()[0].type);
  for (const Block& block : operation.blocks) {
    const auto types = check_nested(place, block, {}, scope, "cond_c3");
    check_yield(place, "cond_c4", "a nested block yields", types, types_of(operation.outputs));
  }
}

void FunctionVerifier::check_while(const Place& place, const BoundInputs& inputs,
                                   const Scope& scope) {
  const Operation& operation = *place.operation;
  if (operation.blocks.size() != 2)
    return report(place, "while_loop_c1", "has {} blocks, expected 2", operation.blocks.size());
  const auto variables = types_of(operation.blocks[1].inputs);
  const auto condition =
      check_nested(place, operation.blocks[0], inputs.all(), scope, "while_loop_c2");
  if (condition.size() != 1)
    report(place, "while_loop_c3", "the first block yields {} values, expected one bool",
           condition.size());
  else if (condition[0] != nullptr)
    check_condition(place, "while_loop_c3", *condition[0]);
  const auto next = check_nested(place, operation.blocks[1], inputs.all(), scope, "while_loop_c2");
  check_yield(place, "while_loop_c4", "the second block yields", next, variables);
  check_yield(place, "while_loop_c5", "the operation yields", types_of(operation.outputs),
              variables);
}

}  // namespace anemone::mil
