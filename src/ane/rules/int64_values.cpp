#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_64_bit(DType dtype) { return dtype == DType::int64 || dtype == DType::uint64; }

void judge(const FunctionView& function, Findings& findings) {
  if (function.description() != nullptr)
    for (const auto* features : {&function.description()->inputs, &function.description()->outputs})
      for (const package::Feature& feature : *features)
        if (feature.kind == package::Feature::Kind::int64)
          findings.add(function, fmt::format("'{}' is described as a 64-bit integer", feature.name),
                       {.operand = feature.name, .value = "int64"});
  for_each_value(function, [&](const mil::NamedType& value, const OpView* op) {
    const DType dtype = value.type.tensor.dtype;
    if (is_64_bit(dtype))
      findings.add(function, op,
                   fmt::format("{} is {}", described(value, op), to_string(value.type)),
                   {.operand = value.name, .value = std::string(to_string(dtype))});
  });
}

}  // namespace

extern const Rule k_int64_values{
    .info = {.id = "int64_values",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The Neural Engine has no 64-bit integers; what carries them, and what "
                            "waits for it, runs on the CPU.",
             .fix = "Take indices as int32 inputs, and work out positions and masks before the "
                    "call, on the host.",
             .source = "apple/coreai-models, neural_engine_rules.md: fp16, int8, int16; "
                       "751K-M6, notes/coreml_dispatch.md: every integer op is placed on the CPU"},
    .leaves = Leaves::op,
    .judges_ill_formed = true,
    .check_function = judge};

}  // namespace anemone::ane
