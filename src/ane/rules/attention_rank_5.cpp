#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr size_t kRejectedRank = 5;

bool multiplies(std::string_view type) {
  return type == "matmul" || type == "einsum" || type == "scaled_dot_product_attention";
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (!multiplies(op.type())) continue;
    for (const mil::Argument& argument : op.operation->inputs)
      for (size_t i = 0; i < argument.bindings.size(); ++i) {
        const mil::TensorType* type = function.operand_type(op, argument.parameter, i);
        if (type == nullptr || type->shape.rank() < kRejectedRank) continue;
        findings.add(function, op,
                     fmt::format("operand '{}' has rank {}; products of rank 5 and more fail",
                                 argument.parameter, type->shape.rank()),
                     {.operand = argument.parameter, .value = type->shape.to_string()});
      }
  }
}

}  // namespace

extern const Rule k_attention_rank_5{
    .info = {.id = "attention_rank_5",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Products of matrices fail from rank 5 on, as in attention whose heads "
                            "are an axis of their own in groups [B, Hkv, groups, T, D].",
             .fix = "Keep attention at rank 4: merge groups with tokens, [B, Hkv, groups * T, D], "
                    "or repeat keys and values to [B, H, S, D].",
             .source = "sbryngelson/ANEForge, op-quirks.md (transpose and matmul at rank >= 5); "
                       "pytorch/executorch#15833 (5-D attention, iOS 26)"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
