#include "ane/model_view.h"

#include <algorithm>

#include "ane/op_support.h"

namespace anemone::ane {
namespace {

constexpr int64_t kMostElements = 16;  // a shape or the bounds of a slice

std::vector<std::optional<int64_t>> elements_of(const Tensor& tensor) {
  std::vector<std::optional<int64_t>> elements;
  if (!tensor.defined() || !is_integer(tensor.dtype()) || tensor.element_count() > kMostElements)
    return elements;
  for (int64_t i = 0; i < tensor.element_count(); ++i)
    elements.push_back(static_cast<int64_t>(tensor.at(i)));
  return elements;
}

}  // namespace

FunctionView::FunctionView(const PackageView& package, const mil::Function& function)
    : package_(&package),
      function_(&function),
      description_(package.package.find_function(function.name)) {
  for (const mil::NamedType& input : function.inputs) {
    types_.emplace(input.name, &input.type);
    is_constant_.emplace(input.name, false);
  }
  walk(function.block, false);
  for (const OpView& op : ops_)
    for (const mil::Argument& argument : op.operation->inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) uses_[binding.name()].push_back({&op, argument.parameter});
}

void FunctionView::walk(const mil::Block& block, bool nested) {
  for (const mil::NamedType& input : block.inputs) {
    types_.emplace(input.name, &input.type);
    is_constant_.emplace(input.name, false);
  }
  for (size_t i = 0; i < block.operations.size(); ++i) {
    const mil::Operation& operation = block.operations[i];
    bool constant = operation.blocks.empty() && !operation.type.starts_with("random_") &&
                    operation.type != "read_state";
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        constant = constant && (!binding.is_name() || is_constant(binding.name()));
    for (const mil::NamedType& output : operation.outputs) {
      types_.emplace(output.name, &output.type);
      is_constant_.emplace(output.name, constant);
    }
    if (operation.type == "const") {
      if (const mil::Value* value = operation.find_attribute("val");
          value != nullptr && !operation.outputs.empty())
        constants_.emplace(operation.outputs[0].name, value);
      continue;
    }
    for (const mil::NamedType& output : operation.outputs)
      producers_.emplace(output.name, ops_.size());
    ops_.push_back({&operation, static_cast<int64_t>(i), nested});
    for (const mil::Block& inner : operation.blocks) walk(inner, true);
  }
}

const OpView* FunctionView::producer(std::string_view name) const {
  const auto found = producers_.find(name);
  return found == producers_.end() ? nullptr : &ops_[found->second];
}

std::span<const Use> FunctionView::uses(std::string_view name) const {
  const auto found = uses_.find(name);
  return found == uses_.end() ? std::span<const Use>() : std::span<const Use>(found->second);
}

bool FunctionView::is_constant(std::string_view name) const {
  const auto found = is_constant_.find(name);
  return found != is_constant_.end() && found->second;
}

bool FunctionView::is_output(std::string_view name) const {
  return std::ranges::find(function_->block.outputs, name) != function_->block.outputs.end();
}

const mil::ValueType* FunctionView::type(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second;
}

const mil::Value* FunctionView::constant(std::string_view name) const {
  const auto found = constants_.find(name);
  return found == constants_.end() ? nullptr : found->second;
}

const Tensor* FunctionView::contents(std::string_view name) const {
  const mil::Value* value = constant(name);
  return value == nullptr || !value->tensor.defined() ? nullptr : &value->tensor;
}

const mil::Binding* FunctionView::operand(const OpView& op, std::string_view parameter,
                                          size_t i) const {
  const mil::Argument* argument = op.operation->find_input(parameter);
  return argument == nullptr || i >= argument->bindings.size() ? nullptr : &argument->bindings[i];
}

const mil::TensorType* FunctionView::operand_type(const OpView& op, std::string_view parameter,
                                                  size_t i) const {
  const mil::Binding* binding = operand(op, parameter, i);
  if (binding == nullptr) {
    const mil::Value* attribute = op.operation->find_attribute(parameter);
    return attribute == nullptr ? nullptr : &attribute->type.tensor;
  }
  if (!binding->is_name()) return &binding->value().type.tensor;
  const mil::ValueType* found = type(binding->name());
  return found == nullptr ? nullptr : &found->tensor;
}

const std::string* FunctionView::operand_name(const OpView& op, std::string_view parameter,
                                              size_t i) const {
  const mil::Binding* binding = operand(op, parameter, i);
  return binding == nullptr || !binding->is_name() ? nullptr : &binding->name();
}

const Tensor* FunctionView::operand_contents(const OpView& op, std::string_view parameter,
                                             size_t i) const {
  const mil::Binding* binding = operand(op, parameter, i);
  const mil::Value* value = binding == nullptr ? op.operation->find_attribute(parameter) : nullptr;
  if (binding != nullptr && binding->is_name()) return contents(binding->name());
  if (binding != nullptr) value = &binding->value();
  return value == nullptr || !value->tensor.defined() ? nullptr : &value->tensor;
}

bool FunctionView::operand_is_constant(const OpView& op, std::string_view parameter) const {
  const mil::Argument* argument = op.operation->find_input(parameter);
  return argument != nullptr && std::ranges::all_of(argument->bindings, [&](const auto& binding) {
           return !binding.is_name() || is_constant(binding.name());
         });
}

std::optional<std::vector<int64_t>> FunctionView::integers(const OpView& op,
                                                           std::string_view parameter) const {
  const Tensor* tensor = operand_contents(op, parameter);
  if (tensor == nullptr || !is_integer(tensor->dtype())) return std::nullopt;
  std::vector<int64_t> values;
  for (const auto& element : elements_of(*tensor)) values.push_back(*element);
  return values.empty() && tensor->element_count() > 0 ? std::nullopt : std::optional(values);
}

std::optional<int64_t> FunctionView::integer(const OpView& op, std::string_view parameter) const {
  const auto values = integers(op, parameter);
  return values && values->size() == 1 ? std::optional(values->front()) : std::nullopt;
}

bool FunctionView::flag(const OpView& op, std::string_view parameter) const {
  const Tensor* tensor = operand_contents(op, parameter);
  return tensor != nullptr && tensor->dtype() == DType::bool_ && tensor->element_count() == 1 &&
         tensor->at(0) != 0;
}

std::string FunctionView::text(const OpView& op, std::string_view parameter) const {
  const Tensor* tensor = operand_contents(op, parameter);
  return tensor == nullptr || tensor->dtype() != DType::string || tensor->strings().empty()
             ? ""
             : tensor->strings()[0];
}

std::vector<std::optional<int64_t>> FunctionView::known_elements(std::string_view name,
                                                                 int depth) const {
  if (const Tensor* tensor = contents(name)) return elements_of(*tensor);
  const OpView* op = producer(name);
  const mil::ValueType* declared = type(name);
  if (declared == nullptr || declared->kind != mil::ValueType::Kind::tensor ||
      declared->tensor.variable_rank || !declared->tensor.shape.is_known())
    return {};
  const auto count = checked_element_count(declared->tensor.shape.dims());
  if (!count || *count == 0 || *count > kMostElements || !is_integer(declared->tensor.dtype))
    return {};
  if (depth > 0 && op != nullptr && op->type() == "concat") {
    const mil::Argument* values = op->operation->find_input("values");
    std::vector<std::optional<int64_t>> elements;
    const auto most = static_cast<size_t>(*count);
    for (size_t i = 0; values != nullptr && i < values->bindings.size(); ++i) {
      if (elements.size() > most) break;
      const mil::Binding& binding = values->bindings[i];
      const auto part = binding.is_name() ? known_elements(binding.name(), depth - 1)
                                          : elements_of(binding.value().tensor);
      elements.insert(elements.end(), part.begin(), part.end());
    }
    if (elements.size() == most) return elements;
  }
  if (depth > 0 && op != nullptr && keeps_elements(op->type()))
    if (const std::string* x = operand_name(*op, "x")) {
      auto elements = known_elements(*x, depth - 1);
      if (elements.size() == static_cast<size_t>(*count)) return elements;
    }
  return std::vector<std::optional<int64_t>>(static_cast<size_t>(*count));
}

std::vector<std::optional<int64_t>> FunctionView::known_elements(const OpView& op,
                                                                 std::string_view parameter) const {
  if (const std::string* name = operand_name(op, parameter)) return known_elements(*name);
  const Tensor* tensor = operand_contents(op, parameter);
  return tensor == nullptr ? std::vector<std::optional<int64_t>>() : elements_of(*tensor);
}

std::string_view FunctionView::source_of(std::string_view name, bool through_slices) const {
  for (const OpView* op = producer(name); op != nullptr; op = producer(name)) {
    if (!(through_slices ? hands_on(op->type()) : keeps_elements(op->type()))) break;
    const std::string* x = operand_name(*op, "x");
    if (x == nullptr) break;
    name = *x;
  }
  return name;
}

std::string_view FunctionView::weight_parameter(const OpView& op) const {
  const auto is_weight = [&](std::string_view parameter) {
    const mil::TensorType* type = operand_type(op, parameter);
    return type != nullptr && type->shape.rank() >= 2 && operand_is_constant(op, parameter);
  };
  if (op.type() == "conv" || op.type() == "linear" || op.type() == "conv_transpose")
    return is_weight("weight") ? "weight" : "";
  if (op.type() != "matmul") return "";
  return is_weight("y") ? "y" : is_weight("x") ? "x" : "";
}

bool FunctionView::has_weight(const OpView& op) const { return !weight_parameter(op).empty(); }

std::string described(const mil::NamedType& value, const OpView* op) {
  return (op == nullptr ? "input '" : "result '") + value.name + "'";
}

const FunctionView* PackageView::find_function(std::string_view function_name) const {
  const auto found = std::ranges::find_if(
      functions, [&](const FunctionView& view) { return view.name() == function_name; });
  return found == functions.end() ? nullptr : &*found;
}

}  // namespace anemone::ane
