#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, const std::string& name, const mil::ValueType& type,
           Findings& findings) {
  if (type.kind == mil::ValueType::Kind::tensor && type.tensor.dtype == DType::fp32)
    findings.add(function, fmt::format("'{}' is fp32", name),
                 {.operand = name, .value = to_string(type)});
}

void judge(const FunctionView& function, Findings& findings) {
  for (const mil::NamedType& input : function.function().inputs)
    judge(function, input.name, input.type, findings);
  for (const std::string& name : function.function().block.outputs)
    if (const mil::ValueType* type = function.type(name)) judge(function, name, *type, findings);
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
