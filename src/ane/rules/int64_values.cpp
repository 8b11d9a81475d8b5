#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_64_bit(DType dtype) { return dtype == DType::int64 || dtype == DType::uint64; }

void judge(const FunctionView& function, Findings& findings) {
  for (const mil::NamedType& input : function.function().inputs)
    if (is_64_bit(input.type.tensor.dtype))
      findings.add(
          function, fmt::format("input '{}' is {}", input.name, to_string(input.type)),
          {.operand = input.name, .value = std::string(to_string(input.type.tensor.dtype))});
  if (function.description() != nullptr)
    for (const auto* features : {&function.description()->inputs, &function.description()->outputs})
      for (const package::Feature& feature : *features)
        if (feature.kind == package::Feature::Kind::int64)
          findings.add(function, fmt::format("'{}' is described as a 64-bit integer", feature.name),
                       {.operand = feature.name, .value = "int64"});
  for (const OpView& op : function.ops())
    for (const mil::NamedType& output : op.operation->outputs)
      if (output.type.kind == mil::ValueType::Kind::tensor && is_64_bit(output.type.tensor.dtype))
        findings.add(
            function, op, fmt::format("result '{}' is {}", output.name, to_string(output.type)),
            {.operand = output.name, .value = std::string(to_string(output.type.tensor.dtype))});
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
    .judges_ill_formed = true,
    .check_function = judge};

}  // namespace anemone::ane
