#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool has_own_rule(const FunctionView& function, const OpView& op) {
  const std::string_view type = op.type();
  return type.starts_with("reduce_arg") || type == "argsort" || gathers_at_run_time(function, op) ||
         is_heavy(type) || support_of(type) == OpSupport::never;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (has_own_rule(function, op) || !works_on_integers(function, op)) continue;
    const auto& outputs = op.operation->outputs;
    findings.add(function, op, fmt::format("{} of integers runs on the CPU", op.type()),
                 {.operand = outputs.empty() ? "" : outputs[0].name,
                  .value = outputs.empty() ? "" : to_string(outputs[0].type),
                  .severity = integers_of(function, op) > kMostIndices ? Severity::error
                                                                       : Severity::warning});
  }
}

}  // namespace

extern const Rule k_int_arithmetic{
    .info = {.id = "int_arithmetic",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation =
                 "Every op on int32 tensors, casts to and from integers among them, runs on the "
                 "CPU. For a few indices that is cheap; between ops on the Neural Engine it "
                 "cuts the program. On more than 4096 elements it is no longer index "
                 "arithmetic: an error.",
             .fix = "Work out positions and indices before the call and give them as "
                    "inputs.",
             .source = "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27; john-rocky/CoreML-LLM, docs/EXPERIMENTS.md"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
