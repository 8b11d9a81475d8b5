#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

/// Tables and values inside of other constants are no weights.
bool feeds_constant(const FunctionView& function, const OpView& op) {
  const auto uses = function.uses(op.operation->outputs[0].name);
  return !uses.empty() && std::ranges::all_of(uses, [](const Use& use) {
    return use.op->type().starts_with("constexpr_");
  });
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "constexpr_blockwise_shift_scale" || feeds_constant(function, op)) continue;
    const mil::TensorType* scale = function.operand_type(op, "scale");
    const Shape& weight = op.operation->outputs[0].type.tensor.shape;
    if (scale == nullptr) continue;
    size_t divided = 0;
    bool blocks = false;
    for (size_t axis = 0; axis < std::min(scale->shape.rank(), weight.rank()); ++axis) {
      if (scale->shape[axis] <= 1) continue;
      ++divided;
      blocks = blocks || scale->shape[axis] != weight[axis];
    }
    if (blocks || divided > 1)
      findings.add(
          function, op,
          fmt::format("scales {} of a weight {}", scale->shape.to_string(), weight.to_string()),
          {.operand = "scale", .value = scale->shape.to_string()});
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
