#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

/// Compiles as a square from H16 on, although it is wider than the limit there.
bool is_slow_square(const Chip& chip, int64_t width, int64_t height) {
  return width == kSlowSquareKernel && height == kSlowSquareKernel &&
         chip.generation >= Generation::h16;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "conv" && op.type() != "conv_transpose") continue;
    const mil::TensorType* weight = function.operand_type(op, "weight");
    if (weight == nullptr || weight->shape.rank() < 3) continue;
    const size_t rank = weight->shape.rank();
    const int64_t width = weight->shape[rank - 1];
    const int64_t height = rank < 4 ? 1 : weight->shape[rank - 2];
    const bool may_be_slow = op.type() == "conv";
    findings.add(
        function, op, fmt::format("a kernel of {}x{} is too large", height, width),
        {.operand = "weight", .value = weight->shape.to_string(), .holds = [&](const Chip& chip) {
           if (may_be_slow && is_slow_square(chip, width, height)) return false;
           return width > chip.limits().conv_width || height > chip.limits().conv_height;
         }});
  }
}

}  // namespace

extern const Rule k_conv_kernel{
    .info = {.id = "conv_kernel",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "width above 13: to H15; above 15: all; height above 31: all",
             .explanation = "A convolution with a larger kernel runs on the CPU, without a word.",
             .fix = "Split the kernel into several convolutions whose results are added.",
             .source = "751K-M6, notes/coreml_dispatch.md 3.3 (M4); ANEForge, docs/cross-chip.md "
                       "(M1: 13)"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
