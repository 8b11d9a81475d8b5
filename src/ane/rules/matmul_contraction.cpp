#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

struct Sum {
  int64_t length = 0;
  const char* operand = "x";
};

Sum sum_of(const FunctionView& function, const OpView& op) {
  const auto along = [&](const char* operand, size_t from_end) {
    const mil::TensorType* type = function.operand_type(op, operand);
    if (type == nullptr || type->shape.rank() < from_end) return Sum{};
    return Sum{type->shape[type->shape.rank() - from_end], operand};
  };
  if (op.type() == "linear") return along("x", 1);
  if (op.type() == "matmul") return along("x", function.flag(op, "transpose_x") ? 2 : 1);
  if (op.type() == "scaled_dot_product_attention") return along("key", 2);
  // nchw,nwhu->nchu or chw,whr->chr: MIL knows no other forms.
  if (op.type() == "einsum") return along("values", 1);
  return {};
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    const Sum sum = sum_of(function, op);
    if (sum.length <= 0) continue;
    findings.add(function, op, fmt::format("sums over {} elements", sum.length),
                 {.operand = sum.operand,
                  .value = function.operand_type(op, sum.operand)->shape.to_string(),
                  .holds = [length = sum.length](const Chip& chip) {
                    return length > chip.limits().contraction;
                  }});
  }
}

}  // namespace

extern const Rule k_matmul_contraction{
    .info = {.id = "matmul_contraction",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "above 16384: to H15; above 32768: all",
             .explanation = "A product that sums over more elements than the limit is rejected "
                            "(M4: 32768 was accepted, 40000 was not; to H15 the limit is 16384).",
             .fix = "Sum in parts: split both operands along the axis and add the "
                    "products.",
             .source = "751K-M6, notes/coreml_dispatch.md 3.3 (M4, macOS 27); ANEForge, "
                       "docs/cross-chip.md (to H15)"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
