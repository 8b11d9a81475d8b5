#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool gains_nothing(const Chip& chip) {
  return chip.generation < Generation::h16 || chip.device == Device::phone;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    if ((op.type() == "quantize" || op.type() == "dequantize") &&
        !function.is_constant(op.operation->outputs[0].name))
      findings.add(function, op, fmt::format("{} of an activation", op.type()),
                   {.operand = "input"});
}

}  // namespace

extern const Rule k_quantized_activations{
    .info = {.id = "quantized_activations",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "to H15, and phones",
             .explanation = "quantize and dequantize of activations gain speed from A17 Pro and"
                            " M4 on only; phones failed to compile them (ANECCompile() FAILED),"
                            " and wrong scales were seen on Macs (339 % error).",
             .fix = "Keep activations in fp16 and compress weights only.",
             .source = "john-rocky/CoreML-LLM; maderix/ANE, README.md; cadamcat, "
                       "findings/coreai-qdq-multiply-scale"},
    .holds = gains_nothing,
    .check_function = judge};

}  // namespace anemone::ane
