#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (!gathers_at_run_time(function, op)) continue;
    const mil::TensorType* x = function.operand_type(op, "x");
    findings.add(function, op, fmt::format("{} by indices of run time runs on the CPU", op.type()),
                 {.operand = "indices", .value = x == nullptr ? "" : x->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_dynamic_gather{
    .info = {.id = "dynamic_gather",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "A gather whose indices come at run time is placed on the CPU, with"
                            " all of its index arithmetic. At the start of a program, for "
                            "embeddings and tables of positions, that is the usual price.",
             .fix = "Look rows up on the host and give them as inputs; cos and sin of "
                    "positions as inputs of rank 4.",
             .source = "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27; apple/coreai-models, skills, common_issues.md"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
