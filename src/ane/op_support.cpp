#include "ane/op_support.h"

#include <algorithm>
#include <array>

namespace anemone::ane {
namespace {

struct Entry {
  std::string_view type;
  OpSupport support;
  OpRole role;
};

constexpr Entry kOps[] = {
#define OP(type, support, role) {#type, OpSupport::support, OpRole::role},
#include "ane/op_support.inc"
#undef OP
};

const Entry* find(std::string_view type) {
  const Entry* found = std::ranges::find(kOps, type, &Entry::type);
  return found == std::end(kOps) ? nullptr : found;
}

/// Parameters that hold places and shapes, not data.
constexpr std::array kPlaces = {"indices", "begin", "end", "size", "shape", "stride"};

/// int8 and int16 are data that the Neural Engine has; a cast of them is on the CPU all the same.
bool is_foreign_integer(const mil::ValueType& type, bool is_cast) {
  const DType dtype = type.tensor.dtype;
  return type.kind == mil::ValueType::Kind::tensor && is_integer(dtype) &&
         (is_cast || (dtype != DType::int8 && dtype != DType::int16));
}

template <typename Visit>
void for_each_integer(const FunctionView& function, const OpView& op, const Visit& visit) {
  const auto look = [&](const mil::TensorType* type) {
    if (type != nullptr && is_integer(type->dtype)) visit(*type);
  };
  for (const mil::NamedType& output : op.operation->outputs) look(&output.type.tensor);
  for (const mil::Argument& argument : op.operation->inputs)
    for (size_t i = 0; i < argument.bindings.size(); ++i)
      look(function.operand_type(op, argument.parameter, i));
}

}  // namespace

OpSupport support_of(std::string_view type) {
  const Entry* found = find(type);
  return found == nullptr ? OpSupport::unmeasured : found->support;
}

OpRole role_of(std::string_view type) {
  const Entry* found = find(type);
  return found == nullptr ? OpRole::other : found->role;
}

OpSupport support_of(const FunctionView& function, const OpView& op) {
  if (works_on_integers(function, op) || gathers_at_run_time(function, op)) return OpSupport::never;
  if (op.type().starts_with("slice_by_") && !bound_at_run_time(function, op).empty())
    return OpSupport::never;
  return support_of(op.type());
}

bool works_on_integers(const FunctionView& function, const OpView& op) {
  const auto& outputs = op.operation->outputs;
  if (!outputs.empty() && function.is_constant(outputs[0].name)) return false;
  if (op.type() == "quantize" || op.type() == "dequantize") return false;
  const bool is_cast = op.type() == "cast";
  for (const mil::NamedType& output : outputs)
    if (op.type() != "topk" && is_foreign_integer(output.type, is_cast)) return true;
  for (const mil::Argument& argument : op.operation->inputs) {
    if (std::ranges::find(kPlaces, argument.parameter) != kPlaces.end()) continue;
    for (const mil::Binding& binding : argument.bindings) {
      if (!binding.is_name() || function.is_constant(binding.name())) continue;
      const mil::ValueType* type = function.type(binding.name());
      if (type != nullptr && is_foreign_integer(*type, is_cast)) return true;
    }
  }
  return false;
}

bool gathers_at_run_time(const FunctionView& function, const OpView& op) {
  return op.type().starts_with("gather") && !function.operand_is_constant(op, "indices");
}

int64_t integers_of(const FunctionView& function, const OpView& op) {
  int64_t most = 0;
  for_each_integer(function, op, [&](const mil::TensorType& type) {
    most = std::max(most, checked_element_count(type.shape.dims()).value_or(0));
  });
  return most;
}

bool is_index_arithmetic(const FunctionView& function, const OpView& op) {
  if (gathers_at_run_time(function, op)) return true;
  if (!works_on_integers(function, op) || integers_of(function, op) > kMostIndices) return false;
  bool wide = false;
  for_each_integer(function, op,
                   [&](const mil::TensorType& type) { wide |= bit_width(type.dtype) > 32; });
  return !wide;
}

std::string_view bound_at_run_time(const FunctionView& function, const OpView& op) {
  if (!op.type().starts_with("slice_")) return "";
  for (const std::string_view parameter : {"begin", "end", "size"})
    if (op.operation->find_input(parameter) != nullptr &&
        !function.operand_is_constant(op, parameter))
      return parameter;
  return "";
}

}  // namespace anemone::ane
