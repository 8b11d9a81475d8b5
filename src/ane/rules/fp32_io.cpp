#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for_each_interface_value(function, [&](const mil::NamedType& value) {
    if (value.type.kind == mil::ValueType::Kind::tensor && value.type.tensor.dtype == DType::fp32)
      findings.add(function, fmt::format("'{}' is fp32", value.name),
                   {.operand = value.name, .value = to_string(value.type)});
  });
}

}  // namespace

extern const Rule k_fp32_io{
    .info = {.id = "fp32_io",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "all",
             .explanation = "Inputs and outputs in fp32 are cast in each call, on the CPU where"
                            " they are large.",
             .fix = "Take and give fp16: outputs that are backed by IOSurface are not "
                    "copied then.",
             .source = "751K-M6, notes/coreml_dispatch.md: fp32 inputs get a cast and "
                       "still reach the Neural Engine"},

    .check_function = judge};

}  // namespace anemone::ane
