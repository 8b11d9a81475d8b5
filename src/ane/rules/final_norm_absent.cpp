#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

bool any_result_is_normalised(const PackageView& chunk) {
  return std::ranges::any_of(chunk.functions, [](const FunctionView& function) {
    return std::ranges::any_of(function.function().block.outputs, [&](const std::string& output) {
      return is_normalised(function, output);
    });
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
  const PackageView& last = *model.chunks.back();
  if (last.functions.empty() || any_result_is_normalised(last) || head_normalises(*model.lm_head))
    return;
  findings.add(last.functions.front(),
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
                            "another order than they were cut.",
             .fix = "Convert again; see that the files of the chunks bear their own numbers.",
             .source = "anemll/models/qwen_model.py of ANEMLL 0.3.6: the last chunk's infer ends "
                       "with model.norm, as every supported architecture does"},

    .check_model = judge};

}  // namespace anemone::ane
