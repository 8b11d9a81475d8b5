#include "passes/fold.h"

#include <algorithm>
#include <bit>

#include "mil/evaluate.h"

namespace anemone::passes {
namespace {

/// Whether operands with contents and results of these types are small.
bool is_small(std::span<const mil::Operand> operands, std::span<const mil::ValueType> types) {
  return std::ranges::all_of(operands,
                             [](const mil::Operand& operand) {
                               return operand.value != nullptr &&
                                      operand.value->element_count() <= kMostElements;
                             }) &&
         std::ranges::all_of(types, [](const mil::ValueType& type) {
           if (type.kind != mil::ValueType::Kind::tensor || type.tensor.variable_rank) return false;
           const auto count = checked_element_count(type.tensor.shape.dims());
           return count && *count <= kMostElements;
         });
}

/// Bit by bit: zeros of either sign differ, and so do values that are no numbers.
bool same_numbers(const Tensor& rounded, const Tensor& unrounded) {
  for (int64_t i = 0; i < rounded.element_count(); ++i)
    if (std::bit_cast<uint64_t>(rounded.at(i)) != std::bit_cast<uint64_t>(unrounded.at(i)))
      return false;
  return true;
}

}  // namespace

std::optional<std::vector<Tensor>> fold(const mil::Operation& operation, const mil::OpDef& op,
                                        const mil::Operands& inputs,
                                        std::span<const mil::Operand> all) {
  if (op.kind != mil::OpKind::plain || op.eval == nullptr || op.name.starts_with("random_") ||
      op.name.starts_with("constexpr_"))
    return std::nullopt;
  const mil::Inferred inferred = op.infer(inputs, operation.outputs.size());
  const auto* types = std::get_if<std::vector<mil::ValueType>>(&inferred);
  if (types == nullptr || !is_small(all, *types)) return std::nullopt;
  auto values = mil::evaluate(op, inputs, *types, true);
  if (!values.ok()) return std::nullopt;
  if (std::ranges::any_of(*values, [](const Tensor& v) { return v.dtype() == DType::fp16; })) {
    const auto unrounded = mil::evaluate(op, inputs, *types, false);
    if (!unrounded.ok()) return std::nullopt;
    for (size_t i = 0; i < values->size(); ++i)
      if ((*values)[i].dtype() == DType::fp16 && !same_numbers((*values)[i], (*unrounded)[i]))
        return std::nullopt;
  }
  return *std::move(values);
}

}  // namespace anemone::passes
