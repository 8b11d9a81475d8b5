#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    const std::string_view bound = bound_at_run_time(function, op);
    if (bound.empty() || op.type() == "slice_update") continue;
    if (function.is_constant(op.operation->outputs[0].name)) continue;
    findings.add(function, op, fmt::format("'{}' is known at run time only", bound),
                 {.operand = std::string(bound)});
  }
}

}  // namespace

extern const Rule k_dynamic_slice{
    .info = {.id = "dynamic_slice",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "A slice with bounds of run time leaves the Neural Engine (\"Failed "
                            "to retrieve parameter end\"); slice_by_size with a start of run "
                            "time is always on the CPU.",
             .fix = "Slice at constant places; blend with a mask, or shift by concat, "
                    "where the place moves.",
             .source = "Anemll/Anemll, CLAUDE.md; 751K-M6, notes/coreml_dispatch.md: 166 "
                       "models of one op, M4, macOS 27"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
