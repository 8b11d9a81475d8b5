#include <fmt/format.h>

#include <algorithm>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

/// The largest of the last two axes, and of all.
struct Largest {
  int64_t spatial = 0;
  int64_t any = 0;
};

Largest largest_of(const Shape& shape) {
  Largest largest;
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    largest.any = std::max(largest.any, shape[axis]);
    if (axis + 2 >= shape.rank()) largest.spatial = std::max(largest.spatial, shape[axis]);
  }
  return largest;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type().starts_with("constexpr_")) continue;
    for (const mil::NamedType& output : op.operation->outputs) {
      if (!is_float(output.type.tensor.dtype) || function.is_constant(output.name)) continue;
      const Largest largest = largest_of(output.type.tensor.shape);
      findings.add(function, op,
                   fmt::format("result '{}' has an axis of {}", output.name, largest.any),
                   {.operand = output.name,
                    .value = output.type.tensor.shape.to_string(),
                    .holds =
                        [largest](const Chip& chip) {
                          return largest.spatial > chip.limits().width ||
                                 largest.any > chip.limits().channels;
                        },
                    .severity = is_heavy(op.type()) ? Severity::error : Severity::warning});
    }
  }
}

}  // namespace

extern const Rule k_axis_limit{
    .info = {.id = "axis_limit",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "last two axes above 16384: to H15; any axis above 65536: all",
             .explanation = "A longer axis than the generation holds sends the op to the CPU, "
                            "or the model does not load.",
             .fix = "Split the axis: the vocabulary into parts of at most 16384, long "
                    "sequences into blocks.",
             .source = "751K-M6, notes/coreml_dispatch.md 3.3 and hal_analysis.md; "
                       "ANEForge, docs/cross-chip.md; FluidInference/mobius, "
                       "mel_encoder_ane_behavior.md (W = 240000 on A15)"},

    .check_function = judge};

}  // namespace anemone::ane
