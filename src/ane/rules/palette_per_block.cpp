#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "constexpr_lut_to_dense") continue;
    const std::vector<int64_t> groups = palette_groups(function, op);
    if (std::ranges::count_if(groups, [](int64_t count) { return count > 1; }) > 1)
      findings.add(
          function, op, "palettes are divided along two axes",
          {.operand = "lut",
           .value = function.operand_type(op, "lut")->shape.to_string(),
           .severity = palette_is_scaled(function, op) ? Severity::warning : Severity::error});
  }
}

}  // namespace

extern const Rule k_palette_per_block{
    .info = {.id = "palette_per_block",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Palettes for blocks, divided along two axes, are rejected (-14). For "
                            "tables times scales nothing is published: a warning.",
             .fix = "Divide along the output channels only: lut4:g16.",
             .source = "john-rocky/CoreML-LLM, docs/DECODE_STATE_LAYOUTS.md section 8"},

    .check_function = judge};

}  // namespace anemone::ane
