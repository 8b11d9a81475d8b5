#include "passes/rewriter.h"

#include <algorithm>

#include "base/check.h"
#include "mil/type.h"

namespace anemone::passes {

mil::Operation constant_operation(const std::string& name, std::string_view display_name,
                                  const Tensor& value) {
  const mil::ValueType type = mil::ValueType::of(value.dtype(), value.shape());
  return mil::Operation{.type = "const",
                        .outputs = {{name, type}},
                        .attributes = {{"name", mil::make_string(std::string(display_name))},
                                       {"val", mil::Value{.type = type, .tensor = value}}}};
}

Rewriter::Rewriter(mil::Function& function)
    : function_(function), opset_(mil::opset_number(function.opset)) {
  for (const mil::NamedType& input : function.inputs) ++definitions_[input.name];
  collect_names(function.block);
}

void Rewriter::collect_names(const mil::Block& block) {
  for (const mil::NamedType& input : block.inputs) ++definitions_[input.name];
  for (const mil::Operation& operation : block.operations) {
    for (const mil::NamedType& output : operation.outputs) ++definitions_[output.name];
    for (const mil::Block& nested : operation.blocks) collect_names(nested);
  }
  block_outputs_.insert(block.outputs.begin(), block.outputs.end());
}

Counts Rewriter::run() {
  mil::Scope scope;
  for (const mil::NamedType& input : function_.inputs) define(scope, input, nullptr);
  walk(function_.block, scope);
  return counts_;
}

void Rewriter::walk(mil::Block& block, mil::Scope& scope) {
  enter_block();
  std::vector<mil::Operation> result;
  result.reserve(block.operations.size());
  for (mil::Operation& operation : block.operations) {
    rename_arguments(operation);
    std::optional<Replacement> replacement = visit(operation, scope);
    if (replacement) {
      ++(replacement->empty() ? counts_.removed : counts_.changed);
      for (mil::Operation& other : *replacement) {
        define_outputs(scope, other);
        result.push_back(std::move(other));
      }
      continue;
    }
    for (mil::Block& nested : operation.blocks) {
      mil::Scope inner(&scope);
      for (const mil::NamedType& input : nested.inputs) define(inner, input, nullptr);
      walk(nested, inner);
    }
    define_outputs(scope, operation);
    result.push_back(std::move(operation));
  }
  block.operations = std::move(result);
  leave_block();
}

void Rewriter::rename_arguments(mil::Operation& operation) const {
  for (mil::Argument& argument : operation.inputs)
    for (mil::Binding& binding : argument.bindings) {
      if (!binding.is_name()) continue;
      const auto found = forwarded_.find(binding.name());
      if (found != forwarded_.end()) binding.target = found->second;
    }
}

void Rewriter::define(mil::Scope& scope, const mil::NamedType& named, const mil::Value* constant) {
  // Operations move while they are rewritten; what the scope points to must not.
  mil::Operand operand{.type = &types_.emplace_back(named.type), .constant = constant != nullptr};
  if (constant != nullptr && constant->type.kind == mil::ValueType::Kind::tensor &&
      constant->tensor.defined())
    operand.value = &values_.emplace_back(constant->tensor);
  const bool is_new = scope.define(names_.emplace_back(named.name), operand);
  ANEMONE_CHECK(is_new, "a verified program defines names once, and so do passes");
}

void Rewriter::define_outputs(mil::Scope& scope, const mil::Operation& operation) {
  const mil::Value* constant =
      operation.type == "const" ? operation.find_attribute("val") : nullptr;
  const auto types = infer(operation, scope);
  for (size_t i = 0; i < operation.outputs.size(); ++i) {
    const mil::NamedType& output = operation.outputs[i];
    define(scope,
           {output.name, constant != nullptr ? constant->type
                         : types             ? (*types)[i]
                                             : output.type},
           constant);
  }
}

std::optional<mil::BoundInputs> Rewriter::bind(const mil::Operation& operation,
                                               const mil::OpDef& op,
                                               const mil::Scope& scope) const {
  std::vector<mil::Violation> faults;
  mil::BoundInputs inputs = mil::BoundInputs::resolve(operation, op, scope, faults);
  const bool known_ranks = std::ranges::none_of(inputs.all(), [](const mil::Operand& operand) {
    return operand.type == nullptr || operand.type->tensor.variable_rank;
  });
  if (!faults.empty() || !known_ranks) return std::nullopt;
  return inputs;
}

std::optional<std::vector<mil::ValueType>> Rewriter::infer(const mil::Operation& operation,
                                                           const mil::Scope& scope) const {
  const mil::OpDef* op = mil::find_op(operation.type);
  if (op == nullptr || op->kind != mil::OpKind::plain) return std::nullopt;
  const auto inputs = bind(operation, *op, scope);
  if (!inputs) return std::nullopt;
  mil::Inferred inferred = op->infer(inputs->operands(opset_), operation.outputs.size());
  auto* types = std::get_if<std::vector<mil::ValueType>>(&inferred);
  if (types == nullptr || types->size() != operation.outputs.size()) return std::nullopt;
  for (size_t i = 0; i < types->size(); ++i) {
    mil::ValueType& type = (*types)[i];
    const mil::ValueType& declared = operation.outputs[i].type;
    if (mil::type_fault(type) || !mil::compatible(declared, type)) return std::nullopt;
    type = mil::merged_type(declared, type);
  }
  return std::move(*types);
}

bool Rewriter::must_keep(std::string_view name) const {
  const std::string key(name);
  const auto found = definitions_.find(key);
  return block_outputs_.contains(key) || (found != definitions_.end() && found->second > 1);
}

bool Rewriter::is_function_output(std::string_view name) const {
  return std::ranges::find(function_.block.outputs, name) != function_.block.outputs.end();
}

void Rewriter::forward(const std::string& name, const std::string& other) {
  ANEMONE_CHECK(!must_keep(name), "the name can be given up");
  forwarded_[name] = other;
}

std::optional<Rewriter::Replacement> Rewriter::same_as(const mil::Operation& operation,
                                                       const mil::ValueType& type,
                                                       const std::string& x,
                                                       const mil::Scope& scope) {
  if (*scope.find(x)->type != type) return std::nullopt;
  if (!must_keep(operation.outputs[0].name)) {
    forward(operation.outputs[0].name, x);
    return Replacement{};
  }
  mil::Operation copy{.type = "identity", .outputs = operation.outputs};
  copy.inputs.push_back({.parameter = "x", .bindings = {mil::Binding{x}}});
  if (const mil::Value* name = operation.find_attribute("name"))
    copy.attributes.emplace_back("name", *name);
  return Replacement{std::move(copy)};
}

mil::Operation Rewriter::with_x(const mil::Operation& operation, const std::string& x) {
  mil::Operation other = operation;
  for (mil::Argument& argument : other.inputs)
    if (argument.parameter == "x") argument.bindings[0].target = x;
  return other;
}

const std::string* Rewriter::x_of(const mil::Operation& operation) {
  const mil::Argument* x = operation.find_input("x");
  return x != nullptr && x->bindings[0].is_name() ? &x->bindings[0].name() : nullptr;
}

mil::Operation Rewriter::vector_constant(const std::string& hint,
                                         const std::vector<int64_t>& values) {
  std::string name = hint;
  for (int64_t number = 1; !definitions_.try_emplace(name, 1).second; ++number)
    name = hint + "_" + std::to_string(number);
  return constant_operation(name, name,
                            Tensor::from_values<int64_t>(
                                DType::int32, Shape{static_cast<int64_t>(values.size())}, values));
}

}  // namespace anemone::passes
