#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_foreign(DType dtype) {
  return dtype == DType::fp64 || dtype == DType::bf16 || dtype == DType::uint32 ||
         dtype == DType::fp8e4m3fn || dtype == DType::fp8e5m2;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const mil::NamedType& input : function.function().inputs)
    if (is_foreign(input.type.tensor.dtype))
      findings.add(
          function, fmt::format("input '{}' is {}", input.name, to_string(input.type)),
          {.operand = input.name, .value = std::string(to_string(input.type.tensor.dtype))});
  for (const OpView& op : function.ops())
    for (const mil::NamedType& output : op.operation->outputs)
      if (is_foreign(output.type.tensor.dtype) && !function.is_constant(output.name))
        findings.add(
            function, op, fmt::format("result '{}' is {}", output.name, to_string(output.type)),
            {.operand = output.name, .value = std::string(to_string(output.type.tensor.dtype))});
}

}  // namespace

extern const Rule k_dtype_unsupported{
    .info = {.id = "dtype_unsupported",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The Neural Engine computes in fp16, int8 and int16; double "
                            "precision, bf16, fp8 and unsigned 32-bit values have no place "
                            "there.",
             .fix = "Convert with compute precision fp16.",
             .source = "apple/coreai-models, neural_engine_rules.md: supported dtypes "
                       "fp16, int8, int16"},

    .judges_ill_formed = true,
    .check_function = judge};

}  // namespace anemone::ane
