#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

std::string text_of(const std::vector<package::DimRange>& ranges) {
  std::string text;
  for (const package::DimRange& range : ranges) {
    const std::string upper = range.upper < 0 ? "" : std::to_string(range.upper);
    text += (text.empty() ? "" : ", ") + (range.lower == range.upper
                                              ? std::to_string(range.lower)
                                              : fmt::format("{}..{}", range.lower, upper));
  }
  return "[" + text + "]";
}

bool is_open(const package::DimRange& range) { return range.lower != range.upper; }

void judge(const FunctionView& function, Findings& findings) {
  if (function.description() == nullptr) return;
  for (const package::Feature& input : function.description()->inputs)
    if (std::ranges::any_of(input.ranges, is_open))
      findings.add(function,
                   fmt::format("input '{}' takes a range of shapes; those other than its default "
                               "leave the Neural Engine",
                               input.name),
                   {.operand = input.name, .value = text_of(input.ranges)});
}

}  // namespace

extern const Rule k_range_shape{
    .info = {.id = "range_shape",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "With a range of shapes (RangeDim) every shape but the default one "
                            "leaves the Neural Engine. The hint reshapeFrequency infrequent (iOS "
                            "17.4) may help and was also seen to fail.",
             .fix = "One function with fixed shapes per length: anemone convert --layout anemone, "
                    "or --layout plain --lengths 64,128,256,512.",
             .source = "apple/coremltools#2370 (375 it/s at the default shape, 60 to 100 at "
                       "others), docs-guides/source/flexible-inputs.md; "
                       "john-rocky/CoreML-LLM, docs/REJECTED_APPROACHES.md"},
    .leaves = Leaves::program,
    .check_function = judge};

}  // namespace anemone::ane
