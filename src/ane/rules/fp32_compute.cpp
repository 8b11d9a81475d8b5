#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_fp32(const FunctionView& function, const OpView& op) {
  if (op.type() == "cast" || op.type().starts_with("constexpr_")) return false;
  for (const mil::NamedType& output : op.operation->outputs)
    if (output.type.tensor.dtype == DType::fp32 && !function.is_constant(output.name)) return true;
  return false;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    if (is_fp32(function, op))
      findings.add(function, op, fmt::format("{} computes in fp32", op.type()),
                   {.operand = op.operation->outputs[0].name,
                    .value = to_string(op.operation->outputs[0].type),
                    .severity = is_heavy(op.type()) ? Severity::error : Severity::warning});
}

}  // namespace

extern const Rule k_fp32_compute{
    .info = {.id = "fp32_compute",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Arithmetic in fp32 does not run on the Neural Engine. Norms, "
                            "products and softmax in fp32 take the program off it; a few small "
                            "ops cut it.",
             .fix = "Convert with compute precision fp16: anemone convert --dtype fp16."
                    " fp32 inputs and outputs may stay, they are cast.",
             .source = "apple/coreai-models, neural_engine_rules.md: fp32 falls back to "
                       "GPU or CPU"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
