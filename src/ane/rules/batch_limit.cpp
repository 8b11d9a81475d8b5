#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kMostTried = 64;

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "conv") continue;
    const mil::TensorType* x = function.operand_type(op, "x");
    if (x == nullptr || x->shape.rank() == 0 || x->shape[0] <= kMostTried) continue;
    findings.add(function, op,
                 fmt::format("a batch of {}, at most {} was tried", x->shape[0], kMostTried),
                 {.operand = "x", .value = x->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_batch_limit{
    .info = {.id = "batch_limit",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Batches of 2 to 64 are accepted; larger ones were not tried.",
             .fix = "Split the batch, or fold it into the axis of tokens.",
             .source = "751K-M6, notes/coreml_dispatch.md"},

    .check_function = judge};

}  // namespace anemone::ane
