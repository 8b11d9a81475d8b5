#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

bool is_h17(const Chip& chip) { return chip.generation == Generation::h17; }

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "constexpr_lut_to_dense" || palette_is_scaled(function, op)) continue;
    const std::vector<int64_t> groups = palette_groups(function, op);
    const Shape& weight = op.operation->outputs[0].type.tensor.shape;
    for (size_t axis = 0; axis < std::min(groups.size(), weight.rank()); ++axis)
      if (groups[axis] > 1 && groups[axis] == weight[axis])
        findings.add(function, op, fmt::format("{} palettes, one for each row", groups[axis]),
                     {.operand = "lut", .value = weight.to_string()});
  }
}

}  // namespace

extern const Rule k_row_palettes{
    .info = {.id = "row_palettes",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "H17",
             .explanation = "A palette for each row of a weight is accepted and slow: 0.097 of "
                            "the speed of fp16 on M5 Pro. The same codes as int4 with a scale "
                            "per channel ran 1.45 to 1.75 times as fast as fp16.",
             .fix = "Groups of 8 or 16 rows (lut4:g16), or int4 with a scale per "
                    "channel.",
             .source = "cadamcat/llms-on-apple-neural-engine, findings/coreml-direct-int4 "
                       "(M5 Pro, macOS 27)"},
    .holds = is_h17,
    .check_function = judge};

}  // namespace anemone::ane
