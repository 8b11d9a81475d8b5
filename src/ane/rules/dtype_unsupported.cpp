#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

bool is_foreign(DType dtype) {
  return dtype == DType::fp64 || dtype == DType::bf16 || dtype == DType::uint32 ||
         dtype == DType::fp8e4m3fn || dtype == DType::fp8e5m2;
}

void judge(const FunctionView& function, Findings& findings) {
  for_each_value(function, [&](const mil::NamedType& value, const OpView* op) {
    const DType dtype = value.type.tensor.dtype;
    if (is_foreign(dtype))
      findings.add(function, op,
                   fmt::format("{} is {}", described(value, op), to_string(value.type)),
                   {.operand = value.name, .value = std::string(to_string(dtype))});
  });
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
    .leaves = Leaves::op,
    .judges_ill_formed = true,
    .check_function = judge};

}  // namespace anemone::ane
