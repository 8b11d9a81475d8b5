#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  const auto is_linear = [&](const OpView& op) {
    return op.type() == "linear" || (op.type() == "matmul" && function.has_weight(op));
  };
  const auto count = std::ranges::count_if(function.ops(), is_linear);
  if (count > 0)
    findings.add(function, fmt::format("{} linear layers that are no convolution", count),
                 {.value = fmt::format("{}", count)});
}

}  // namespace

extern const Rule k_linear_form{
    .info = {.id = "linear_form",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "all",
             .explanation = "Apple advises convolutions of 1x1 on (B, C, 1, S) in place of "
                            "linear layers and of products with a constant.",
             .fix = "Convert with anemone convert, which writes this form.",
             .source = "apple/coreai-models, neural_engine_rules.md; Apple, Deploying "
                       "Transformers on the Apple Neural Engine"},

    .check_function = judge};

}  // namespace anemone::ane
