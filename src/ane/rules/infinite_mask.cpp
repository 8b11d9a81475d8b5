#include <fmt/format.h>

#include <cmath>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool takes_masks(std::string_view type) {
  return type == "add" || type == "select" || type == "maximum" || type == "minimum" ||
         type == "sub" || type == "scaled_dot_product_attention";
}

bool has_infinity(const Tensor& tensor) {
  if (tensor.dtype() != DType::fp16 && tensor.dtype() != DType::fp32) return false;
  for (int64_t i = 0; i < tensor.element_count(); ++i)
    if (std::isinf(tensor.at(i))) return true;
  return false;
}

/// A constant, whole or a part of it in another shape.
const Tensor* constant_behind(const FunctionView& function, const OpView& op,
                              std::string_view parameter) {
  const std::string* name = function.operand_name(op, parameter);
  return name == nullptr ? function.operand_contents(op, parameter)
                         : function.contents(function.source_of(*name, true));
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (!takes_masks(op.type())) continue;
    for (const mil::Argument& argument : op.operation->inputs) {
      const Tensor* tensor = constant_behind(function, op, argument.parameter);
      if (tensor == nullptr || !has_infinity(*tensor)) continue;
      findings.add(function, op, fmt::format("operand '{}' holds infinity", argument.parameter),
                   {.operand = argument.parameter, .value = "inf"});
    }
  }
}

}  // namespace

extern const Rule k_infinite_mask{
    .info = {.id = "infinite_mask",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Infinity in a mask: the Neural Engine is said not to handle -inf "
                            "rightly in softmax. Another team found the same bits as with -1e4 "
                            "on a Mac, where it may have run on the CPU.",
             .fix = "Hide with -40000 or -1e4.",
             .source = "apple/coreai-models, neural_engine_rules.md: -40000, not -inf; "
                       "disputed by john-rocky/CoreML-LLM"},

    .check_function = judge};

}  // namespace anemone::ane
