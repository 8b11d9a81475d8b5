#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

/// Those of loops, branches and indices of run time have rules of their own.
bool has_own_rule(const FunctionView& function, const OpView& op) {
  const std::string_view type = op.type();
  return type == "cond" || type == "while_loop" || type == "argsort" ||
         gathers_at_run_time(function, op);
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (support_of(op.type()) != OpSupport::never || has_own_rule(function, op)) continue;
    const auto& outputs = op.operation->outputs;
    if (!outputs.empty() && function.is_constant(outputs[0].name)) continue;
    const bool of_integers = !outputs.empty() && is_integer(outputs[0].type.tensor.dtype);
    findings.add(function, op, fmt::format("{} is never placed on the Neural Engine", op.type()),
                 {.value = op.operation->type,
                  .severity = of_integers ? Severity::warning : Severity::error});
  }
}

}  // namespace

extern const Rule k_unsupported_op{
    .info = {.id = "unsupported_op",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The op is never placed on the Neural Engine, so the program is cut"
                            " there: what it computes goes to the CPU and back.",
             .fix = "Write it with ops that run there, compute it before the call, or "
                    "accept a cut of at least 0.25 ms.",
             .source = "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
