#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int kFirstWithoutA12 = 26;

bool ends_before(const Chip& chip) { return chip.generation == Generation::h11; }

void judge(const FunctionView& function, Findings& findings) {
  const int opset = mil::opset_number(function.function().opset);
  if (opset >= kFirstWithoutA12)
    findings.add(function, fmt::format("needs iOS {}", opset),
                 {.value = function.function().opset});
}

}  // namespace

extern const Rule k_opset_os{
    .info = {.id = "opset_os",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "A12",
             .explanation = "A program of an opset runs from that system on: CoreML8 (states, "
                            "functions, LUTs of groups) from iOS 18 and macOS 15, CoreML9 from "
                            "iOS 26, which the A12 does not get.",
             .fix = "Convert for the oldest system that has to run it: --target iOS18.",
             .source = "apple/coremltools, ct.target and stateful-models.md; Apple, "
                       "devices of iOS 26"},
    .holds = ends_before,
    .check_function = judge};

}  // namespace anemone::ane
