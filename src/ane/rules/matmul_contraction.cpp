#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "matmul" && op.type() != "linear") continue;
    const mil::TensorType* x = function.operand_type(op, "x");
    const bool transposed = op.type() == "matmul" && function.flag(op, "transpose_x");
    const size_t from_end = transposed ? 2 : 1;
    if (x == nullptr || x->shape.rank() < from_end) continue;
    const int64_t length = x->shape[x->shape.rank() - from_end];
    findings.add(
        function, op, fmt::format("sums over {} elements", length),
        {.operand = "x", .value = x->shape.to_string(), .holds = [length](const Chip& chip) {
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
