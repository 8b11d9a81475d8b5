#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "mil/evaluate.h"
#include "mil/verifier.h"

namespace anemone::mil {
namespace {

/// Shapes and indices are folded, weights are not.
constexpr int64_t kMaxFoldedElements = 64;

bool is_small(const ValueType& type) {
  const auto stored = storage_type(type);
  if (!stored || stored->variable_rank) return false;
  const auto count = checked_element_count(stored->shape.dims());
  return count && *count <= kMaxFoldedElements;
}

}  // namespace

FunctionVerifier::FunctionVerifier(const Function& function, Diagnostics& faults)
    : function_(function), faults_(faults), opset_(opset_number(function.opset)) {}

void FunctionVerifier::report(const Place& place, std::string constraint, std::string message) {
  faults_.push_back(
      Diagnostic{.constraint = std::move(constraint),
                 .function = function_.name,
                 .operation = place.operation ? std::string(place.operation->display_name()) : "",
                 .operation_index = place.index,
                 .message = std::move(message)});
}

void FunctionVerifier::run() {
  if (opset_ == 0) {
    report({}, "function_c1", "opset '{}' is not known", function_.opset);
    opset_ = 26;
  }
  check_attributes({}, function_.attributes);
  Scope scope;
  for (const NamedType& input : function_.inputs) {
    if (!check_type({}, fmt::format("input '{}'", input.name), input.type)) {
      define({}, scope, input.name, {.type = keep(unknown_type(input.type))});
      continue;
    }
    const bool is_state = input.type.kind == ValueType::Kind::state;
    if (!is_state && input.type.kind != ValueType::Kind::tensor)
      report({}, "function_c2", "input '{}' is {}, expected a tensor or a state", input.name,
             to_string(input.type));
    if (is_state && (input.type.tensor.variable_rank || !input.type.tensor.shape.is_known()))
      report({}, "function_c3", "state '{}' is {}, the shape of a state is fixed", input.name,
             to_string(input.type));
    define({}, scope, input.name, {.type = &input.type});
  }
  for (const ValueType* output : check_block({}, function_.block, scope))
    if (output != nullptr && output->kind != ValueType::Kind::tensor &&
        output->kind != ValueType::Kind::dictionary)
      report({}, "function_c4", "an output is {}, expected a tensor or a classifier's dictionary",
             to_string(*output));
}

void FunctionVerifier::check_attributes(
    const Place& place, const std::vector<std::pair<std::string, Value>>& attributes) {
  for (const auto& [name, value] : attributes) {
    if (!check_type(place, fmt::format("attribute '{}'", name), value.type)) continue;
    if (const auto fault = value_fault(value))
      report(place, "attribute_c1", "attribute '{}' {}", name, *fault);
  }
}

bool FunctionVerifier::check_type(const Place& place, std::string_view what,
                                  const ValueType& type) {
  const auto fault = type_fault(type);
  if (fault) report(place, "type_c1", "{}: {}", what, *fault);
  return !fault;
}

void FunctionVerifier::define(const Place& place, Scope& scope, std::string_view name,
                              const Operand& operand) {
  if (!scope.define(name, operand)) report(place, "scope_c1", "'{}' is defined already", name);
}

std::vector<const ValueType*> FunctionVerifier::check_block(const Place& around, const Block& block,
                                                            Scope& scope) {
  check_attributes(around, block.attributes);
  for (size_t i = 0; i < block.operations.size(); ++i)
    check_operation({&block.operations[i], static_cast<int64_t>(i)}, scope);
  std::vector<const ValueType*> types;
  for (const std::string& name : block.outputs) {
    const Operand* found = scope.find(name);
    if (found == nullptr) report(around, "scope_c2", "output '{}' is not defined", name);
    types.push_back(found == nullptr ? nullptr : found->type);
  }
  return types;
}

void FunctionVerifier::check_operation(const Place& place, Scope& scope) {
  const Operation& operation = *place.operation;
  const size_t faults_before = faults_.size();
  for (const NamedType& output : operation.outputs) {
    check_type(place, fmt::format("output '{}'", output.name), output.type);
    check_no_state(place, "output", output);
  }
  const OpDef* op = find_op(operation.type);
  if (op == nullptr) {
    report(place, "op_known", "op '{}' is not known", operation.type);
    check_attributes(place, operation.attributes);
    return define_as_declared(place, scope);
  }
  if (op->first_opset > opset_)
    report(place, "op_opset", "op '{}' exists from opset ios{} on, the function has ios{}",
           op->name, op->first_opset, opset_);
  if (op->kind != OpKind::control && !operation.blocks.empty())
    report(place, "op_blocks", "op '{}' has {} nested blocks, takes none", op->name,
           operation.blocks.size());

  std::vector<Violation> violations;
  const BoundInputs inputs = BoundInputs::resolve(operation, *op, scope, violations);
  for (Violation& violation : violations)
    report(place, std::move(violation.id), std::move(violation.message));
  for (const auto& attribute : operation.attributes)
    if (std::ranges::find(op->parameters, attribute.first, &Parameter::name) ==
        op->parameters.end())
      check_attributes(place, {attribute});
  if (faults_.size() > faults_before) return define_as_declared(place, scope);

  const bool any_rank = std::ranges::any_of(
      inputs.all(), [](const Operand& o) { return o.type->tensor.variable_rank; });
  if (op->kind != OpKind::control && !any_rank) return check_outputs(place, *op, inputs, scope);
  if (op->kind != OpKind::control) {
    check_output_count(place, *op);
    return define_as_declared(place, scope);
  }
  if (operation.type == "cond")
    check_cond(place, inputs, scope);
  else
    check_while(place, inputs, scope);
  define_as_declared(place, scope);
}

void FunctionVerifier::check_no_state(const Place& place, std::string_view what,
                                      const NamedType& named) {
  if (named.type.kind == ValueType::Kind::state)
    report(place, "type_c2", "{} '{}' is {}, only inputs of functions are states", what, named.name,
           to_string(named.type));
}

void FunctionVerifier::check_output_count(const Place& place, const OpDef& op) {
  const size_t count = place.operation->outputs.size();
  if (count < op.outputs.least || count > op.outputs.most)
    report(place, "output_c1", "has {} outputs, the op yields {}", count,
           count < op.outputs.least ? op.outputs.least : op.outputs.most);
}

void FunctionVerifier::check_outputs(const Place& place, const OpDef& op, const BoundInputs& inputs,
                                     Scope& scope) {
  const Operation& operation = *place.operation;
  const Operands operands = inputs.operands(opset_);
  const Inferred inferred = op.infer(operands, operation.outputs.size());
  if (const auto* violation = std::get_if<Violation>(&inferred)) {
    report(place, fmt::format("{}_{}", op.name, violation->id), violation->message);
    return define_as_declared(place, scope);
  }
  const auto& types = std::get<std::vector<ValueType>>(inferred);
  ANEMONE_CHECK(op.outputs.least <= types.size() && types.size() <= op.outputs.most,
                "the table of ops says how many outputs inference can find");
  if (types.size() != operation.outputs.size()) {
    report(place, "output_c1", "has {} outputs, the op yields {}", operation.outputs.size(),
           types.size());
    return define_as_declared(place, scope);
  }
  const bool constant =
      op.kind == OpKind::constant || (op.kind == OpKind::plain && !op.name.starts_with("random_") &&
                                      std::ranges::all_of(inputs.all(), &Operand::constant));
  std::vector<Tensor> folded;
  if (constant && op.kind == OpKind::plain) folded = fold(op, operands, inputs.all(), types);
  for (size_t i = 0; i < types.size(); ++i) {
    const NamedType& output = operation.outputs[i];
    Operand operand{.type = &output.type, .constant = constant};
    if (!check_type(place, fmt::format("output '{}' is inferred", output.name), types[i])) {
      operand = {.type = keep(unknown_type(output.type))};
    } else if (!compatible(output.type, types[i])) {
      report(place, "output_c2", "output '{}' is declared {}, the op yields {}", output.name,
             to_string(output.type), to_string(types[i]));
    } else {
      operand.type = keep(merged_type(output.type, types[i]));
      if (op.kind == OpKind::constant) operand.value = inputs.all()[0].value;
      if (!folded.empty()) operand.value = &values_.emplace_back(folded[i]);
    }
    define(place, scope, output.name, operand);
  }
}

void FunctionVerifier::define_as_declared(const Place& place, Scope& scope) {
  for (const NamedType& output : place.operation->outputs) {
    const ValueType* type =
        type_fault(output.type) ? keep(unknown_type(output.type)) : &output.type;
    define(place, scope, output.name, {.type = type});
  }
}

std::vector<Tensor> FunctionVerifier::fold(const OpDef& op, const Operands& operands,
                                           std::span<const Operand> all,
                                           std::span<const ValueType> types) const {
  const bool known = std::ranges::all_of(all, [](const Operand& operand) {
    return operand.value != nullptr && is_small(*operand.type);
  });
  if (!known || op.eval == nullptr || !std::ranges::all_of(types, is_small)) return {};
  auto values = evaluate(op, operands, types, true);
  return values.ok() ? std::move(values).value() : std::vector<Tensor>{};
}

Diagnostics verify(const Program& program) {
  Diagnostics faults;
  if (program.functions.empty())
    faults.push_back(Diagnostic{.constraint = "program_c2", .message = "has no function"});
  for (const auto& [name, value] : program.attributes) {
    auto fault = type_fault(value.type);
    if (!fault) fault = value_fault(value);
    if (fault)
      faults.push_back(Diagnostic{.constraint = "attribute_c1",
                                  .message = fmt::format("attribute '{}' {}", name, *fault)});
  }
  std::unordered_set<std::string_view> names;
  for (const Function& function : program.functions) {
    if (!names.insert(function.name).second)
      faults.push_back(Diagnostic{
          .constraint = "program_c1", .function = function.name, .message = "is defined twice"});
    FunctionVerifier(function, faults).run();
  }
  return faults;
}

}  // namespace anemone::mil
