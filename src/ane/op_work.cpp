#include "ane/op_work.h"

#include <algorithm>

#include "ane/op_support.h"

namespace anemone::ane {
namespace {

constexpr double kBytesPerMs = 1e6;  // of 1 GB/s
constexpr double kFlopsPerMs = 1e9;  // of 1 TFLOP/s
constexpr double kBytesOfHalf = 2;

bool is_free(std::string_view type) {
  return role_of(type) == OpRole::reshapes || role_of(type) == OpRole::reads;
}

double bytes_of(const mil::TensorType& type, double unknown = 1) {
  return type.dtype == DType::string ? 0 : elements_of(type, unknown) * bit_width(type.dtype) / 8;
}

void add_activation(OpWork& work, double times, const mil::TensorType& type, double unknown) {
  const double bytes = times * bytes_of(type, unknown);
  work.activation_bytes += bytes;
  work.half_activation_bytes += std::min(bytes, times * elements_of(type, unknown) * kBytesOfHalf);
}

const mil::TensorType* type_of(const FunctionView& function, const mil::Binding& binding) {
  if (!binding.is_name()) return &binding.value().type.tensor;
  const mil::ValueType* type = function.type(binding.name());
  return type == nullptr ? nullptr : &type->tensor;
}

/// Ops that take a part out of a value, or put one into it, and leave the rest where it is.
bool moves_a_part(std::string_view type) {
  return type.starts_with("slice_") || type.starts_with("gather");
}

double length_of_operand(const FunctionView& function, const OpView& op, std::string_view parameter,
                         const UnknownSizes& sizes) {
  const std::string* name = function.operand_name(op, parameter);
  return name == nullptr ? 1 : sizes.length(*name);
}

/// The part, read and written.
void add_moved(const FunctionView& function, const OpView& op, const UnknownSizes& sizes,
               OpWork& work) {
  if (op.type() == "slice_update") {
    if (const mil::TensorType* update = function.operand_type(op, "update"))
      add_activation(work, 2, *update, length_of_operand(function, op, "update", sizes));
    return;
  }
  for (const mil::NamedType& output : op.operation->outputs)
    add_activation(work, 2, output.type.tensor, sizes.length(output.name));
}

template <typename Visit>
void for_each_operand(const OpView& op, const Visit& visit) {
  for (const mil::Argument& argument : op.operation->inputs) {
    for (const mil::Binding& binding : argument.bindings) visit(argument.parameter, binding);
  }
}

double dimension(const FunctionView& function, const OpView& op, std::string_view parameter,
                 size_t from_last, const UnknownSizes& sizes) {
  const mil::TensorType* type = function.operand_type(op, parameter);
  if (type == nullptr || type->shape.rank() <= from_last) return 1;
  const int64_t dim = type->shape[type->shape.rank() - 1 - from_last];
  return dim == kUnknownDim ? length_of_operand(function, op, parameter, sizes)
                            : static_cast<double>(std::max<int64_t>(1, dim));
}

/// Products that one element of the output takes.
double terms_of(const FunctionView& function, const OpView& op, const UnknownSizes& sizes) {
  const std::string_view type = op.type();
  if (type == "conv" || type == "conv_transpose") {
    const mil::TensorType* weight = function.operand_type(op, "weight");
    if (weight == nullptr || weight->shape.rank() == 0) return 1;
    return elements_of(*weight) / static_cast<double>(std::max<int64_t>(1, weight->shape[0]));
  }
  if (type == "linear") return dimension(function, op, "x", 0, sizes);
  if (type == "matmul")
    return dimension(function, op, "x", function.flag(op, "transpose_x") ? 1 : 0, sizes);
  if (type == "scaled_dot_product_attention") return 2 * dimension(function, op, "key", 1, sizes);
  return 0.5;  // one operation an element
}

double bytes_as_stored(const FunctionView& function, std::string_view name, int depth) {
  const OpView* op = function.producer(name);
  if (depth == 0 || op == nullptr || !op->type().starts_with("constexpr_")) {
    const mil::ValueType* type = function.type(name);
    return type == nullptr ? 0 : bytes_of(type->tensor);
  }
  double bytes = 0;
  for_each_operand(*op, [&](std::string_view, const mil::Binding& binding) {
    bytes += binding.is_name() ? bytes_as_stored(function, binding.name(), depth - 1)
                               : bytes_of(binding.value().type.tensor);
  });
  return bytes;
}

}  // namespace

double elements_of(const mil::TensorType& type, double unknown) {
  double elements = 1;
  for (const int64_t dim : type.shape)
    elements *= dim == kUnknownDim ? unknown : static_cast<double>(std::max<int64_t>(1, dim));
  return elements;
}

double elements_of(const mil::NamedType& value) { return elements_of(value.type.tensor); }

double stored_bytes(const FunctionView& function, std::string_view name) {
  constexpr int kConstexprsInARow = 3;  // sparse, palette, scales
  return bytes_as_stored(function, name, kConstexprsInARow);
}

OpWork work_of(const FunctionView& function, const OpView& op, const UnknownSizes& sizes) {
  OpWork work;
  if (is_free(op.type())) return work;
  if (moves_a_part(op.type())) {
    add_moved(function, op, sizes, work);
    return work;
  }
  double output_elements = 0;
  for (const mil::NamedType& output : op.operation->outputs) {
    const double unknown = sizes.length(output.name);
    output_elements += elements_of(output.type.tensor, unknown);
    add_activation(work, 1, output.type.tensor, unknown);
  }
  work.flops = 2 * output_elements * terms_of(function, op, sizes);
  for_each_operand(op, [&](std::string_view, const mil::Binding& binding) {
    const mil::TensorType* type = type_of(function, binding);
    if (type == nullptr || type->dtype == DType::string) return;
    const bool constant = !binding.is_name() || function.is_constant(binding.name());
    if (!constant) {
      add_activation(work, 1, *type, sizes.length(binding.name()));
    } else {
      work.weight_bytes +=
          binding.is_name() ? stored_bytes(function, binding.name()) : bytes_of(*type);
      work.dense_weight_bytes += elements_of(*type) * kBytesOfHalf;
    }
  });
  return work;
}

OpWork in_half_precision(const OpWork& work) {
  OpWork half = work;
  half.weight_bytes = std::min(work.weight_bytes, work.dense_weight_bytes);
  half.activation_bytes = work.half_activation_bytes;
  return half;
}

bool has_unknown_shape(const FunctionView& function, const OpView& op) {
  bool unknown = false;
  for (const mil::NamedType& output : op.operation->outputs) unknown |= is_unknown(output.type);
  for_each_operand(op, [&](std::string_view, const mil::Binding& binding) {
    const mil::ValueType* type = binding.is_name() ? function.type(binding.name()) : nullptr;
    unknown |= type != nullptr && is_unknown(*type);
  });
  return unknown;
}

bool runs(const FunctionView& function, const OpView& op) {
  const auto& outputs = op.operation->outputs;
  return !op.nested && (outputs.empty() || !function.is_constant(outputs[0].name));
}

std::string_view obstacle_of(const FunctionView& function, const OpView& op,
                             const UnknownSizes& sizes) {
  if (works_on_integers(function, op)) return "works on integers";
  if (gathers_at_run_time(function, op)) return "gathers at places known at run time only";
  switch (support_of(function, op)) {
    case OpSupport::never:
      return bound_at_run_time(function, op).empty() ? "never placed there"
                                                     : "slices at bounds known at run time only";
    case OpSupport::unmeasured:
      return "nobody measured it there";
    case OpSupport::suited:
      break;
  }
  return sizes.is_of_values(op) ? "has a size that depends on values" : "";
}

double engine_ms(const OpWork& work, const ChipRate& bandwidth, const ChipRate& reached) {
  const double stream = work.weight_bytes / (bandwidth.value * kBytesPerMs);
  const double compute = work.flops / (reached.value * kFlopsPerMs);
  return std::max(stream, compute) +
         work.activation_bytes / (kFittedCosts.attention_gbps * kBytesPerMs);
}

double floor_ms(const OpWork& work, const ChipRate& bandwidth) {
  return std::min(work.weight_bytes, work.dense_weight_bytes) / (bandwidth.value * kBytesPerMs);
}

double cpu_ms(const OpWork& work, const ChipRate& bandwidth) {
  const double read = work.dense_weight_bytes + work.activation_bytes;
  return std::max(read / (kCpuShareOfBandwidth * bandwidth.value * kBytesPerMs),
                  work.flops / (kCpuTflops * kFlopsPerMs));
}

}  // namespace anemone::ane
