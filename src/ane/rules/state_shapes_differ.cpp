#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_h13(const Chip& chip) { return chip.generation == Generation::h13; }

void judge(const FunctionView& function, Findings& findings) {
  const mil::NamedType* first = nullptr;
  for (const mil::NamedType& input : function.function().inputs) {
    if (input.type.kind != mil::ValueType::Kind::state) continue;
    if (first == nullptr) first = &input;
    if (input.type.tensor.shape == first->type.tensor.shape) continue;
    findings.add(function,
                 fmt::format("state '{}' is {}, '{}' is {}", first->name,
                             first->type.tensor.shape.to_string(), input.name,
                             input.type.tensor.shape.to_string()),
                 {.operand = input.name, .value = input.type.tensor.shape.to_string()});
    return;
  }
}

}  // namespace

extern const Rule k_state_shapes_differ{
    .info = {.id = "state_shapes_differ",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "H13",
             .explanation = "States of different shapes (caches of windows beside whole ones) "
                            "do not compile on M1 and A14.",
             .fix = "Give all caches one shape (ANEMLL: --single-cache), at the price "
                    "of memory.",
             .source = "Anemll/Anemll, docs/RELEASE_NOTES_0.3.5.md"},
    .holds = is_h13,
    .check_function = judge};

}  // namespace anemone::ane
