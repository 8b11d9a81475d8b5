#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

bool is_step(const FunctionView& function) { return tokens_of(function) == 1; }

bool hands_on_norm(const FunctionView& function) {
  return std::ranges::any_of(function.function().block.outputs, [&](const std::string& output) {
    return is_normalised(function, output);
  });
}

/// Whether a norm stands before each product with a weight of the head.
bool head_normalises(const PackageView& head) {
  return std::ranges::any_of(head.functions, [](const FunctionView& function) {
    return std::ranges::any_of(function.ops(), [&](const OpView& op) {
      const std::string* x = function.has_weight(op) ? function.operand_name(op, "x") : nullptr;
      return x != nullptr && is_normalised(function, function.source_of(*x));
    });
  });
}

void judge(const ModelView& model, Findings& findings) {
  if (model.lm_head == nullptr || model.chunks.empty()) return;
  if (head_normalises(*model.lm_head)) return;
  // The head reads what a step hands on; of a block it may read nothing.
  for (const FunctionView& function : model.chunks.back()->functions)
    if (is_step(function) && !hands_on_norm(function))
      findings.add(function,
                   fmt::format("neither chunk {} of {} nor the head normalises the hidden values",
                               model.chunks.size(), model.chunks.size()),
                   {.operand = "norm", .value = "absent"});
}

}  // namespace

extern const Rule k_final_norm_absent{
    .info = {.id = "final_norm_absent",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The last chunk hands the residual stream to the head as it is, and "
                            "the head has no norm: the final norm was lost, or the chunks are in "
                            "another order than they were cut. Judged where the head is a "
                            "package of its own, as in ANEMLL's directories.",
             .fix = "Convert again; see that the files of the chunks bear their own numbers.",
             .source = "anemll/models/qwen_model.py of ANEMLL 0.3.6: the last chunk's infer ends "
                       "with model.norm, as every supported architecture does"},

    .check_model = judge};

}  // namespace anemone::ane
