#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool compiles(const Chip& chip) { return chip.generation >= Generation::h16; }

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "conv") continue;
    const mil::TensorType* weight = function.operand_type(op, "weight");
    if (weight == nullptr || weight->shape.rank() != 4) continue;
    if (weight->shape[2] == kSlowSquareKernel && weight->shape[3] == kSlowSquareKernel)
      findings.add(function, op,
                   fmt::format("a kernel of {0}x{0} takes minutes to compile", kSlowSquareKernel),
                   {.operand = "weight", .value = weight->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_conv_kernel_compile_time{
    .info = {.id = "conv_kernel_compile_time",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "from H16",
             .explanation = "A square kernel of 16 compiles, in minutes and with 12 GB of "
                            "memory (212 to 229 s measured).",
             .fix = "Use a kernel of at most 15, or split it.",
             .source = "751K-M6, notes/coreml_dispatch.md 3.3, defects.md C9"},
    .holds = compiles,
    .check_function = judge};

}  // namespace anemone::ane
