#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "conv" || function.operand_is_constant(op, "weight")) continue;
    const mil::TensorType* x = function.operand_type(op, "x");
    if (x == nullptr || x->shape.rank() == 0 || x->shape[0] <= 1) continue;
    findings.add(function, op,
                 fmt::format("the weight comes at run time and the batch is {}", x->shape[0]),
                 {.operand = "weight", .value = x->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_dynamic_weight_batch{
    .info = {.id = "dynamic_weight_batch",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A convolution whose weight is computed at run time takes a batch "
                            "of 1 only.",
             .fix = "Run the batch in a loop on the host, or use matmul.",
             .source = "sbryngelson/ANEForge, op-quirks.md"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
