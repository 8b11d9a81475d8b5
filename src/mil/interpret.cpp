#include "mil/interpret.h"

#include <algorithm>
#include <deque>

#include "mil/evaluate.h"
#include "mil/resolve.h"

namespace anemone::mil {
namespace {

/// A loop of a model counts time steps or tokens; one that runs on is a fault of the program.
constexpr int64_t kMaxIterations = 1'000'000;

struct Slot {
  ValueType type;
  Tensor value;
};

/// The values of one block and its scope, which points to them.
struct Frame {
  explicit Frame(const Scope* outer) : scope(outer) {}

  Status define(std::string_view name, const ValueType& type, Tensor value, bool constant) {
    Slot& slot = slots.emplace_back(Slot{concrete_type(type, value), std::move(value)});
    if (!scope.define(name, {.type = &slot.type, .value = &slot.value, .constant = constant}))
      return fail(ErrorCode::mismatch, "'{}' is defined twice", name);
    return {};
  }

  Scope scope;
  std::deque<Slot> slots;
};

class Interpreter {
 public:
  Interpreter(int opset, std::span<Tensor> states, bool round_fp16)
      : opset_(opset), states_(states), round_fp16_(round_fp16) {}

  void add_state(std::string_view name) { state_index_.emplace(name, state_index_.size()); }

  Result<std::vector<Operand>> run(const Block& block, Frame& frame);
  Status run(const Operation& operation, Frame& frame);

 private:
  Result<std::vector<Slot>> outputs_of(const Operation& operation, const OpDef& op,
                                       const BoundInputs& inputs, const Frame& frame);
  Result<std::vector<Slot>> run_plain(const Operation& operation, const OpDef& op,
                                      const BoundInputs& inputs);
  Result<std::vector<Slot>> run_nested(const Block& block, const std::vector<Slot>& arguments,
                                       const Frame& frame);
  Result<std::vector<Slot>> run_cond(const Operation& operation, const BoundInputs& inputs,
                                     const Frame& frame);
  Result<std::vector<Slot>> run_while(const Operation& operation, const BoundInputs& inputs,
                                      const Frame& frame);

  int opset_;
  std::span<Tensor> states_;
  std::unordered_map<std::string_view, size_t> state_index_;
  bool round_fp16_;
};

Result<std::vector<Operand>> Interpreter::run(const Block& block, Frame& frame) {
  for (size_t i = 0; i < block.operations.size(); ++i) {
    const Operation& operation = block.operations[i];
    if (auto status = run(operation, frame); !status.ok())
      return std::move(std::move(status).in(fmt::format("op {} '{}' ({})", i,
                                                        operation.display_name(), operation.type)))
          .error();
  }
  std::vector<Operand> results;
  for (const std::string& name : block.outputs) {
    const Operand* found = frame.scope.find(name);
    if (found == nullptr || found->value == nullptr)
      return fail(ErrorCode::mismatch, "the block's output '{}' is not defined", name);
    results.push_back(*found);
  }
  return results;
}

Status Interpreter::run(const Operation& operation, Frame& frame) {
  const OpDef* op = find_op(operation.type);
  if (op == nullptr) return fail(ErrorCode::unsupported, "op '{}' is not known", operation.type);
  std::vector<Violation> faults;
  const BoundInputs inputs = BoundInputs::resolve(operation, *op, frame.scope, faults);
  if (!faults.empty()) return fail(ErrorCode::mismatch, "{}", faults.front().message);

  ANEMONE_TRY(std::vector<Slot> outputs, outputs_of(operation, *op, inputs, frame));
  if (outputs.size() != operation.outputs.size())
    return fail(ErrorCode::mismatch, "has {} outputs, the op yields {}", operation.outputs.size(),
                outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(
        frame.define(operation.outputs[i].name, outputs[i].type, std::move(outputs[i].value),
                     op->kind != OpKind::state && op->kind != OpKind::control &&
                         std::ranges::all_of(inputs.all(), &Operand::constant)));
  return {};
}

Result<std::vector<Slot>> Interpreter::outputs_of(const Operation& operation, const OpDef& op,
                                                  const BoundInputs& inputs, const Frame& frame) {
  switch (op.kind) {
    case OpKind::plain:
      return run_plain(operation, op, inputs);
    case OpKind::constant: {
      const Operand& constant = inputs.all()[0];
      if (constant.value == nullptr)
        return fail(ErrorCode::unsupported, "a constant of type {}", to_string(*constant.type));
      return std::vector{Slot{*constant.type, *constant.value}};
    }
    case OpKind::control:
      return operation.type == "cond" ? run_cond(operation, inputs, frame)
                                      : run_while(operation, inputs, frame);
    case OpKind::state:
      break;
  }
  const Inferred inferred = op.infer(inputs.operands(opset_), operation.outputs.size());
  if (const auto* violation = std::get_if<Violation>(&inferred))
    return fail(ErrorCode::mismatch, "{}", violation->message);
  Tensor& state = states_[state_index_.at(operation.find_input("input")->bindings[0].name())];
  const auto& types = std::get<std::vector<ValueType>>(inferred);
  if (!types.empty()) return std::vector{Slot{types[0], state.clone()}};
  const Tensor& data = *inputs.all()[1].value;
  if (data.shape() != state.shape())
    return fail(ErrorCode::mismatch, "the state has shape {}, the data {}",
                state.shape().to_string(), data.shape().to_string());
  state = data.clone();
  return std::vector<Slot>{};
}

Result<std::vector<Slot>> Interpreter::run_plain(const Operation& operation, const OpDef& op,
                                                 const BoundInputs& inputs) {
  const Operands operands = inputs.operands(opset_);
  const Inferred inferred = op.infer(operands, operation.outputs.size());
  if (const auto* violation = std::get_if<Violation>(&inferred))
    return fail(ErrorCode::mismatch, "{}  [{}_{}]", violation->message, op.name, violation->id);
  const auto& types = std::get<std::vector<ValueType>>(inferred);
  ANEMONE_TRY(std::vector<Tensor> values, evaluate(op, operands, types, round_fp16_));
  std::vector<Slot> outputs;
  for (size_t i = 0; i < values.size(); ++i)
    outputs.push_back(Slot{types[i], std::move(values[i])});
  return outputs;
}

Result<std::vector<Slot>> Interpreter::run_nested(const Block& block,
                                                  const std::vector<Slot>& arguments,
                                                  const Frame& frame) {
  if (block.inputs.size() != arguments.size())
    return fail(ErrorCode::mismatch, "a nested block has {} inputs, expected {}",
                block.inputs.size(), arguments.size());
  Frame inner(&frame.scope);
  for (size_t i = 0; i < arguments.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(
        inner.define(block.inputs[i].name, arguments[i].type, arguments[i].value, false));
  ANEMONE_TRY(const std::vector<Operand> results, run(block, inner));
  std::vector<Slot> outputs;
  for (const Operand& result : results) outputs.push_back(Slot{*result.type, *result.value});
  return outputs;
}

Result<bool> truth(const Tensor& value) {
  if (value.dtype() != DType::bool_ || value.element_count() != 1)
    return fail(ErrorCode::mismatch, "a condition is {} {}, expected one bool",
                to_string(value.dtype()), value.shape().to_string());
  return value.at(0) != 0;
}

Result<std::vector<Slot>> Interpreter::run_cond(const Operation& operation,
                                                const BoundInputs& inputs, const Frame& frame) {
  if (operation.blocks.size() != 2)
    return fail(ErrorCode::mismatch, "has {} blocks, expected 2", operation.blocks.size());
  ANEMONE_TRY(const bool predicate, truth(*inputs.all()[0].value));
  return run_nested(operation.blocks[predicate ? 0 : 1], {}, frame);
}

Result<std::vector<Slot>> Interpreter::run_while(const Operation& operation,
                                                 const BoundInputs& inputs, const Frame& frame) {
  if (operation.blocks.size() != 2)
    return fail(ErrorCode::mismatch, "has {} blocks, expected 2", operation.blocks.size());
  std::vector<Slot> variables;
  for (const Operand& operand : inputs.all())
    variables.push_back(Slot{*operand.type, *operand.value});
  for (int64_t i = 0; i < kMaxIterations; ++i) {
    ANEMONE_TRY(const std::vector<Slot> condition,
                run_nested(operation.blocks[0], variables, frame));
    if (condition.size() != 1)
      return fail(ErrorCode::mismatch, "the condition yields {} values, expected 1",
                  condition.size());
    ANEMONE_TRY(const bool go_on, truth(condition[0].value));
    if (!go_on) return variables;
    ANEMONE_TRY(variables, run_nested(operation.blocks[1], variables, frame));
  }
  return fail(ErrorCode::limit, "the loop did not end after {} iterations", kMaxIterations);
}

/// Whether a tensor given by the caller fits the declared type.
Status check_given(const Tensor& given, const NamedType& declared, bool round_fp16) {
  const TensorType& type = declared.type.tensor;
  const bool wide = !round_fp16 && type.dtype == DType::fp16 && given.dtype() == DType::fp32;
  bool fits = given.defined() && (given.dtype() == type.dtype || wide);
  if (!type.variable_rank) {
    fits = fits && given.shape().rank() == type.shape.rank();
    for (size_t axis = 0; fits && axis < type.shape.rank(); ++axis)
      fits = type.shape[axis] == kUnknownDim || type.shape[axis] == given.shape()[axis];
  }
  if (fits) return {};
  return fail(ErrorCode::mismatch, "'{}' is {} {}, expected {}", declared.name,
              to_string(given.dtype()), given.shape().to_string(), to_string(declared.type));
}

}  // namespace

Result<std::vector<Tensor>> interpret(const Program& program, std::string_view function,
                                      std::span<const Tensor> inputs, std::span<Tensor> states,
                                      bool round_fp16) {
  const Function* found = program.find_function(function);
  if (found == nullptr) return fail(ErrorCode::not_found, "no function '{}'", function);
  const size_t state_count = static_cast<size_t>(
      std::ranges::count(found->inputs, ValueType::Kind::state,
                         [](const NamedType& input) { return input.type.kind; }));
  if (inputs.size() != found->inputs.size() - state_count || states.size() != state_count)
    return fail(ErrorCode::mismatch, "function '{}' takes {} inputs and {} states, got {} and {}",
                function, found->inputs.size() - state_count, state_count, inputs.size(),
                states.size());

  Interpreter interpreter(opset_number(found->opset), states, round_fp16);
  Frame frame(nullptr);
  size_t next_input = 0;
  size_t next_state = 0;
  for (const NamedType& input : found->inputs) {
    const bool is_state = input.type.kind == ValueType::Kind::state;
    if (!is_state && input.type.kind != ValueType::Kind::tensor)
      return fail(ErrorCode::unsupported, "input '{}' of type {}", input.name,
                  to_string(input.type));
    const Tensor& given = is_state ? states[next_state++] : inputs[next_input++];
    ANEMONE_RETURN_IF_ERROR(check_given(given, input, round_fp16));
    if (!is_state) {
      ANEMONE_RETURN_IF_ERROR(frame.define(input.name, input.type, given, false));
      continue;
    }
    interpreter.add_state(input.name);
    if (!frame.scope.define(input.name, {.type = &input.type}))
      return fail(ErrorCode::mismatch, "'{}' is defined twice", input.name);
  }
  auto results = interpreter.run(found->block, frame);
  if (!results.ok())
    return std::move(std::move(results).in(fmt::format("function '{}'", function))).error();
  std::vector<Tensor> outputs;
  for (const Operand& result : *results) outputs.push_back(*result.value);
  return outputs;
}

Result<std::vector<Tensor>> interpret_operation(const Operation& operation, int opset,
                                                const Scope& scope,
                                                std::span<const std::string_view> state_names,
                                                std::span<Tensor> states, bool round_fp16) {
  Interpreter interpreter(opset, states, round_fp16);
  for (const std::string_view name : state_names) interpreter.add_state(name);
  Frame frame(&scope);
  ANEMONE_RETURN_IF_ERROR(interpreter.run(operation, frame));
  std::vector<Tensor> outputs;
  for (const NamedType& output : operation.outputs)
    outputs.push_back(*frame.scope.find(output.name)->value);
  return outputs;
}

}  // namespace anemone::mil
