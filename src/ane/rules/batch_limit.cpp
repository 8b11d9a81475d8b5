#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kMostTried = 64;

/// Whether the first axis of `x` is a batch: of convolutions, and of products of rank 4, where
/// below it may be tokens or heads.
bool has_batch(const FunctionView& function, const OpView& op, const Shape& x) {
  if (op.type() == "conv" || op.type() == "conv_transpose") return true;
  const std::string* name = function.operand_name(op, "x");
  return (op.type() == "matmul" || op.type() == "linear") && x.rank() >= 4 && name != nullptr &&
         !function.is_constant(*name);
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    const mil::TensorType* x = function.operand_type(op, "x");
    if (x == nullptr || x->shape.rank() == 0 || x->shape[0] <= kMostTried) continue;
    if (!has_batch(function, op, x->shape)) continue;
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
