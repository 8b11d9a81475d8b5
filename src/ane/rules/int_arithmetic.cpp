#include <fmt/format.h>

#include <algorithm>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kMostIndices = 4096;  // more are data, not the places of a block of tokens

int64_t most_elements(const FunctionView& function, const OpView& op) {
  int64_t most = 0;
  const auto note = [&](const mil::TensorType* type) {
    const auto count = type == nullptr ? std::nullopt : checked_element_count(type->shape.dims());
    if (count && is_integer(type->dtype)) most = std::max(most, *count);
  };
  for (const mil::NamedType& output : op.operation->outputs) note(&output.type.tensor);
  for (const mil::Argument& argument : op.operation->inputs)
    for (size_t i = 0; i < argument.bindings.size(); ++i)
      note(function.operand_type(op, argument.parameter, i));
  return most;
}

bool has_own_rule(const FunctionView& function, const OpView& op) {
  const std::string_view type = op.type();
  return type.starts_with("reduce_arg") || type == "argsort" || gathers_at_run_time(function, op) ||
         is_heavy(type) || support_of(type) == OpSupport::never;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (has_own_rule(function, op) || !works_on_integers(function, op)) continue;
    const auto& outputs = op.operation->outputs;
    findings.add(function, op, fmt::format("{} of integers runs on the CPU", op.type()),
                 {.operand = outputs.empty() ? "" : outputs[0].name,
                  .value = outputs.empty() ? "" : to_string(outputs[0].type),
                  .severity = most_elements(function, op) > kMostIndices ? Severity::error
                                                                         : Severity::warning});
  }
}

}  // namespace

extern const Rule k_int_arithmetic{
    .info = {.id = "int_arithmetic",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation =
                 "Every op on int32 tensors, casts to and from integers among them, runs on the "
                 "CPU. For a few indices that is cheap; between ops on the Neural Engine it "
                 "cuts the program. On more than 4096 elements it is no longer index "
                 "arithmetic: an error.",
             .fix = "Work out positions and indices before the call and give them as "
                    "inputs.",
             .source = "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27; john-rocky/CoreML-LLM, docs/EXPERIMENTS.md"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
