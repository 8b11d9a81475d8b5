#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    if (!op.operation->blocks.empty())
      findings.add(function, op,
                   fmt::format("{} runs on the CPU with all that is in it", op.type()),
                   {.value = op.operation->type});
}

}  // namespace

extern const Rule k_control_flow{
    .info = {.id = "control_flow",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Loops and branches are not supported on the Neural Engine.",
             .fix = "Unroll the loop, or make a function for each branch and choose "
                    "between them on the host.",
             .source = "smpanaro/more-ane-transformers, src/experiments/NOTES.md (cond); "
                       "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
