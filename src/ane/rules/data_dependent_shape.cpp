#include <fmt/format.h>

#include "ane/rule.h"
#include "ane/unknown_sizes.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  const UnknownSizes sizes(function);  // those of flexible inputs have a rule of their own
  for (const OpView& op : function.ops())
    for (const mil::NamedType& output : op.operation->outputs)
      if (sizes.is_of_values(output.name)) {
        findings.add(function, op, fmt::format("the size of '{}' depends on values", output.name),
                     {.operand = output.name, .value = to_string(output.type)});
        return;  // what follows has unknown sizes because of it
      }
}

}  // namespace

extern const Rule k_data_dependent_shape{
    .info = {.id = "data_dependent_shape",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A result whose size depends on values has no static shape, which "
                            "the Neural Engine needs.",
             .fix = "Pad to a fixed size and mask, or move the selection to the host.",
             .source = "apple/coreai-models, neural_engine_rules.md: fully static shapes"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
