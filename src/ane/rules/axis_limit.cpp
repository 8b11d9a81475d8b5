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

bool is_heavy_op(const OpView& op) { return is_heavy(op.type()); }

/// Whether an op that does the main work makes the value, or takes an input.
bool matters(const FunctionView& function, const mil::NamedType& value, const OpView* op) {
  return op != nullptr ? is_heavy_op(*op)
                       : std::ranges::any_of(function.uses(value.name),
                                             [](const Use& use) { return is_heavy_op(*use.op); });
}

void judge(const FunctionView& function, Findings& findings) {
  for_each_value(function, [&](const mil::NamedType& value, const OpView* op) {
    if (!is_float(value.type.tensor.dtype)) return;
    const Largest largest = largest_of(value.type.tensor.shape);
    findings.add(
        function, op, fmt::format("{} has an axis of {}", described(value, op), largest.any),
        {.operand = value.name,
         .value = value.type.tensor.shape.to_string(),
         .holds =
             [largest](const Chip& chip) {
               return largest.spatial > chip.limits().width || largest.any > chip.limits().channels;
             },
         .severity = matters(function, value, op) ? Severity::error : Severity::warning});
  });
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
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
