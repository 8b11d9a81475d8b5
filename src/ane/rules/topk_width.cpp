#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "topk") continue;
    const auto k = function.integer(op, "k");
    if (k && (*k == 3 || *k == 4))
      findings.add(function, op, fmt::format("takes the {} largest", *k),
                   {.operand = "k", .value = fmt::format("{}", *k)});
  }
}

}  // namespace

extern const Rule k_topk_width{
    .info = {.id = "topk_width",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "all",
             .explanation = "topk of 3 and of 4 was rejected through the private interface; "
                            "through Core ML 40 of 32000 ran.",
             .fix = "Take more and drop the rest.",
             .source = "ANEForge, docs/op-quirks.md, against 751K-M6, "
                       "notes/coreml_dispatch.md"},

    .check_function = judge};

}  // namespace anemone::ane
