#include <fmt/format.h>

#include <functional>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// Whether the generation expands the form before it multiplies.
std::function<bool(const Chip&)> expanded_on(const FunctionView& function, const OpView& op) {
  const mil::TensorType* data = function.operand_type(op, "data");
  const bool is_plain_int8 =
      op.type() == "constexpr_affine_dequantize" ||
      (data != nullptr && bit_width(data->dtype) == 8 && !has_scales_of_blocks(function, op));
  return [is_plain_int8](const Chip& chip) {
    return chip.generation <= (is_plain_int8 ? Generation::h13 : Generation::h14);
  };
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "constexpr_affine_dequantize" &&
        op.type() != "constexpr_blockwise_shift_scale")
      continue;
    if (feeds_constant(function, op)) continue;
    const mil::TensorType* data = function.operand_type(
        op, op.type() == "constexpr_affine_dequantize" ? "quantized_data" : "data");
    findings.add(function, op,
                 fmt::format("the weight of {} is expanded to fp16",
                             data == nullptr ? "integers" : to_string(data->dtype)),
                 {.value = op.operation->outputs[0].type.tensor.shape.to_string(),
                  .holds = expanded_on(function, op)});
  }
}

}  // namespace

extern const Rule k_weights_expanded{
    .info = {.id = "weights_expanded",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "to H14",
             .explanation = "Not every generation streams every form of weights: H13 expands "
                            "int8 and blockwise forms to fp16, H14 blockwise ones, so nothing "
                            "is gained in speed.",
             .fix = "For A14 and M1 choose palettes of 4 bits, which are streamed.",
             .source = "sbryngelson/ANEForge, docs/cross-chip.md, per-family "
                       "compressed-weight streaming"},

    .check_function = judge};

}  // namespace anemone::ane
