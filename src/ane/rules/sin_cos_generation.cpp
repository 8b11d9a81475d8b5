#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_older(const Chip& chip) { return chip.generation < Generation::h15; }

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    if ((op.type() == "sin" || op.type() == "cos") &&
        !function.is_constant(op.operation->outputs[0].name))
      findings.add(function, op, fmt::format("{} at run time", op.type()), {.operand = "x"});
}

}  // namespace

extern const Rule k_sin_cos_generation{
    .info = {.id = "sin_cos_generation",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "to H14",
             .explanation = "sin and cos exist on the Neural Engine from H15 (A16, M3) on.",
             .fix = "Keep tables of cos and sin, or give them as inputs.",
             .source = "sbryngelson/ANEForge, docs/cross-chip.md"},
    .holds = is_older,
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
