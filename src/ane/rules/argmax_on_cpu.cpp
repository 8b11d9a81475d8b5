#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (!op.type().starts_with("reduce_arg") && op.type() != "argsort") continue;
    if (function.is_constant(op.operation->outputs[0].name)) continue;
    const mil::TensorType* x = function.operand_type(op, "x");
    findings.add(function, op, fmt::format("{} runs on the CPU", op.type()),
                 {.operand = "x", .value = x == nullptr ? "" : x->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_argmax_on_cpu{
    .info = {.id = "argmax_on_cpu",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "The place of a largest value is an int32 result, which is made on "
                            "the CPU, as is a sorted order.",
             .fix = "Return the logits and choose on the host; keep argmax at the very "
                    "end, where it cuts nothing.",
             .source = "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27; john-rocky/CoreML-LLM, docs/EXPERIMENTS.md (8 ops of an "
                       "argmax head on the CPU)"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
