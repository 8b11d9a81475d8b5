#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kMultiple = 32;

void judge(const FunctionView& function, Findings& findings) {
  for (const mil::NamedType& input : function.function().inputs) {
    const Shape& shape = input.type.tensor.shape;
    if (input.type.kind != mil::ValueType::Kind::state || shape.rank() == 0) continue;
    const int64_t width = shape[shape.rank() - 1];
    if (width % kMultiple != 0)
      findings.add(
          function,
          fmt::format("state '{}' is {} wide, no multiple of {}", input.name, width, kMultiple),
          {.operand = input.name, .value = shape.to_string()});
  }
}

}  // namespace

extern const Rule k_state_width{
    .info = {.id = "state_width",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "The width of a state has to be a multiple of 32: one of 270 failed"
                            " where one of 256 worked. Multiples were not enough for everyone.",
             .fix = "Pad the last axis of the cache to a multiple of 32.",
             .source = "apple/coremltools#2631 (open; M4, macOS 15.2); "
                       "john-rocky/CoreML-LLM, docs/EXPERIMENTS.md"},

    .check_function = judge};

}  // namespace anemone::ane
