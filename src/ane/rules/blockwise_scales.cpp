#include <fmt/format.h>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "constexpr_blockwise_shift_scale" || feeds_constant(function, op) ||
        !has_scales_of_blocks(function, op))
      continue;
    const std::string scale = function.operand_type(op, "scale")->shape.to_string();
    findings.add(function, op,
                 fmt::format("scales {} of a weight {}", scale,
                             op.operation->outputs[0].type.tensor.shape.to_string()),
                 {.operand = "scale", .value = scale});
  }
}

}  // namespace

extern const Rule k_blockwise_scales{
    .info = {.id = "blockwise_scales",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The Neural Engine takes a scale per output channel or per tensor; "
                            "with scales per block along the inputs the product runs on the "
                            "CPU.",
             .fix = "int4 or int8 with a scale per channel, or palettes: --quantize "
                    "int4, lut4:g16.",
             .source = "cadamcat/llms-on-apple-neural-engine, "
                       "findings/coreml-grouped-scale-cpu; apple/coremltools, "
                       "opt-quantization-perf.md"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
