

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "scaled_dot_product_attention") continue;
    const mil::TensorType* key = function.operand_type(op, "key");
    findings.add(function, op, "attention is one op",
                 {.operand = "key", .value = key == nullptr ? "" : key->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_fused_attention{
    .info = {.id = "fused_attention",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "all",
             .explanation = "Apple says that there is no fused attention on the Neural Engine; "
                            "Core ML places the op there all the same, and by the private "
                            "interface it is right up to 2048 keys only.",
             .fix = "Products, mask and softmax written out, per head or per group.",
             .source = "apple/coreai-models, neural_engine_rules.md, against 751K-M6; "
                       "ANEForge, op-quirks.md"},

    .check_function = judge};

}  // namespace anemone::ane
