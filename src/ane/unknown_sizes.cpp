#include "ane/unknown_sizes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ane/op_support.h"
#include "ane/op_work.h"

namespace anemone::ane {
namespace {

/// Parameters that say how large a result is.
constexpr std::array kSizes = {"shape", "size",  "reps", "pad", "begin",
                               "end",   "start", "step", "k",   "one_hot_vector_size"};

bool is_size(std::string_view parameter) {
  return std::ranges::find(kSizes, parameter) != kSizes.end();
}

int64_t unknown_dimensions(const mil::TensorType& type) {
  return std::ranges::count(type.shape, kUnknownDim);
}

int64_t unknown_dimensions(const OpView& op) {
  int64_t most = 0;
  for (const mil::NamedType& output : op.operation->outputs)
    most = std::max(most, unknown_dimensions(output.type.tensor));
  return most;
}

/// Whether `test` holds for the name and the parameter of any operand.
template <typename Test>
bool any_operand(const OpView& op, const Test& test) {
  return std::ranges::any_of(op.operation->inputs, [&](const mil::Argument& argument) {
    return std::ranges::any_of(argument.bindings, [&](const mil::Binding& binding) {
      return binding.is_name() && test(binding.name(), argument.parameter);
    });
  });
}

}  // namespace

UnknownSizes::UnknownSizes(const FunctionView& function, double length)
    : function_(&function), length_(length) {
  const auto& inputs = function.function().inputs;
  const bool is_flexible = std::ranges::any_of(inputs, is_unknown, &mil::NamedType::type);
  for (const mil::NamedType& input : inputs) from_values_.insert(input.name);
  for (const OpView& op : function.ops()) {
    const bool of_values = !is_flexible || makes_size_of_values(op) || takes_size_of_values(op);
    const bool from_values = is_worked_out_of_values(op);
    for (const mil::NamedType& output : op.operation->outputs) {
      if (from_values) from_values_.insert(output.name);
      if (!is_unknown(output.type)) continue;
      if (of_values) of_values_.insert(output.name);
      lengths_[output.name] = length_of_output(op, output.type.tensor);
    }
  }
}

bool UnknownSizes::is_of_values(const OpView& op) const {
  return std::ranges::any_of(
             op.operation->outputs,
             [&](const mil::NamedType& output) { return is_of_values(output.name); }) ||
         any_operand(op,
                     [&](std::string_view name, std::string_view) { return is_of_values(name); });
}

double UnknownSizes::length(std::string_view value) const {
  const auto found = lengths_.find(value);
  return found == lengths_.end() ? length_ : found->second;
}

/// The shape of a value is no value, but for one whose size is of values.
bool UnknownSizes::is_worked_out_of_values(const OpView& op) const {
  const bool is_shape = op.type() == "shape";
  return any_operand(op, [&](std::string_view name, std::string_view) {
    return is_shape ? is_of_values(name) : from_values_.contains(name);
  });
}

/// A slice of which only one bound is of values has a length of values; with both it may be any,
/// and counts where the dimension was known before.
bool UnknownSizes::makes_size_of_values(const OpView& op) const {
  if (op.type() == "non_zero")
    return any_operand(
        op, [&](std::string_view name, std::string_view) { return !function_->is_constant(name); });
  const mil::TensorType* x = function_->operand_type(op, "x");
  if (x != nullptr && op.type() != "reshape" && unknown_dimensions(op) <= unknown_dimensions(*x)) {
    const std::string* begin = function_->operand_name(op, "begin");
    const std::string* end = function_->operand_name(op, "end");
    if (op.type() != "slice_by_index") return false;
    return (begin != nullptr && from_values_.contains(*begin)) !=
           (end != nullptr && from_values_.contains(*end));
  }
  return any_operand(op, [&](std::string_view name, std::string_view parameter) {
    return is_size(parameter) && from_values_.contains(name);
  });
}

/// What is written into has the size that it had.
bool UnknownSizes::takes_size_of_values(const OpView& op) const {
  const bool writes = op.type().starts_with("scatter");
  return any_operand(op, [&](std::string_view name, std::string_view parameter) {
    return (!writes || parameter == "data") && is_of_values(name);
  });
}

double UnknownSizes::length_of_output(const OpView& op, const mil::TensorType& type) const {
  const std::string* x = function_->operand_name(op, "x");
  const mil::TensorType* whole = function_->operand_type(op, "x");
  const int64_t unknown = unknown_dimensions(type);
  if (keeps_elements(op.type()) && x != nullptr && whole != nullptr && unknown > 0) {
    const double product = elements_of(*whole, length(*x)) / elements_of(type);
    return std::max(1.0, std::pow(product, 1.0 / static_cast<double>(unknown)));
  }
  double longest = 0;
  any_operand(op, [&](std::string_view name, std::string_view) {
    const mil::ValueType* operand = function_->type(name);
    if (operand != nullptr && is_unknown(*operand)) longest = std::max(longest, length(name));
    return false;
  });
  return longest > 0 ? longest : length_;
}

}  // namespace anemone::ane
