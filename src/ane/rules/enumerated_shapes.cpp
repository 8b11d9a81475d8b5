#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  if (function.description() == nullptr) return;
  for (const package::Feature& input : function.description()->inputs)
    if (input.enumerated_shapes.size() > 1)
      findings.add(
          function,
          fmt::format("input '{}' takes {} shapes", input.name, input.enumerated_shapes.size()),
          {.operand = input.name, .value = fmt::format("{}", input.enumerated_shapes.size())});
}

}  // namespace

extern const Rule k_enumerated_shapes{
    .info = {.id = "enumerated_shapes",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Of enumerated shapes the default one stays on the Neural Engine; "
                            "whether the others do is disputed (Apple says so; 30 it/s and 2 % "
                            "were seen).",
             .fix = "One function with fixed shapes per length.",
             .source = "apple/coremltools, docs-guides/source/faqs.md, against "
                       "apple/coremltools#2370 and #2730"},

    .check_function = judge};

}  // namespace anemone::ane
