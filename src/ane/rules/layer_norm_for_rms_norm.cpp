

#include "ane/rule.h"

namespace anemone::ane {
namespace {

/// An RMS norm is the layer norm of x beside -x, whose mean is 0.
bool subtracts_mean(const FunctionView& function, const OpView& op) {
  const std::string* x = function.operand_name(op, "x");
  const OpView* both = x == nullptr ? nullptr : function.producer(function.source_of(*x));
  return both == nullptr || both->type() != "concat";
}

/// All that ANEMLL converts has RMS norms: Llama, Qwen, Gemma, DeepSeek.
void judge(const ModelView& model, Findings& findings) {
  if (!model.anemll) return;
  for (const auto& package : model.packages)
    for (const FunctionView& function : package->functions)
      for (const OpView& op : function.ops())
        if (op.type() == "layer_norm" && subtracts_mean(function, op))
          findings.add(function, op, "subtracts the mean, which an RMS norm does not",
                       {.operand = "x"});
}

}  // namespace

extern const Rule k_layer_norm_for_rms_norm{
    .info = {.id = "layer_norm_for_rms_norm",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A layer norm that subtracts the mean stands where the architecture"
                            " has an RMS norm, which does not. Judged in ANEMLL's "
                            "directories, whose architectures all have.",
             .fix = "Convert again (ANEMLL from 0.3.4 on).",
             .source = "ANEMLL to 0.3.3: LayerNorm in place of RMSNorm"},

    .check_model = judge};

}  // namespace anemone::ane
