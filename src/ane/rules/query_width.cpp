#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kLeastSafeWidth = 4;

/// Tokens of the query: of an additive mask [1, 1, T, S], or of token ids [1, T].
void judge(const FunctionView& function, Findings& findings) {
  for (const mil::NamedType& input : function.function().inputs) {
    const mil::TensorType& type = input.type.tensor;
    if (input.type.kind != mil::ValueType::Kind::tensor) continue;
    const bool is_mask = is_float(type.dtype) && type.shape.rank() == 4 && type.shape[0] == 1 &&
                         type.shape[1] == 1 && type.shape[3] > type.shape[2];
    if (!is_mask || type.shape[2] < 1 || type.shape[2] >= kLeastSafeWidth) continue;
    findings.add(
        function,
        fmt::format("takes {} token{} a call", type.shape[2], type.shape[2] == 1 ? "" : "s"),
        {.operand = input.name, .value = type.shape.to_string()});
  }
}

}  // namespace

extern const Rule k_query_width{
    .info = {.id = "query_width",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "all",
             .explanation = "Static programs that take one or two tokens failed at the first "
                            "request (0xe00002c2) when exported through Core AI; 4 and 8 ran, "
                            "as fast as each other. Core ML packages of one token are common "
                            "and run.",
             .fix = "For Core AI, decode with a width of 4 or 8 and pad; the unused "
                    "rows cost nothing there and serve speculative decoding.",
             .source = "cadamcat/llms-on-apple-neural-engine, "
                       "findings/ane-short-decode-query (M5 Pro, macOS 27)"},

    .check_function = judge};

}  // namespace anemone::ane
