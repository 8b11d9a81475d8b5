#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, const mil::NamedType& value, Findings& findings) {
  const mil::TensorType& type = value.type.tensor;
  const size_t rank = type.shape.rank();
  const auto count = checked_element_count(type.shape.dims());
  if (!is_float(type.dtype) || rank < 2 || type.shape[rank - 1] != 1 || !count || *count < 2)
    return;
  findings.add(function, fmt::format("'{}' has one element in its last axis", value.name),
               {.operand = value.name, .value = type.shape.to_string()});
}

void judge(const FunctionView& function, Findings& findings) {
  for_each_interface_value(function,
                           [&](const mil::NamedType& value) { judge(function, value, findings); });
}

}  // namespace

extern const Rule k_singleton_last_axis{
    .info = {.id = "singleton_last_axis",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "A last axis of one element is padded to 64 bytes: 32 times the "
                            "memory in fp16, 64 times in int8.",
             .fix = "Put the channels or the tokens last, or squeeze the axis.",
             .source = "apple/coreai-models, neural_engine_rules.md"},

    .check_function = judge};

}  // namespace anemone::ane
