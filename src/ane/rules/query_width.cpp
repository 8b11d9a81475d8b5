#include <fmt/format.h>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

constexpr int64_t kWidestThatFailed = 2;

void judge(const FunctionView& function, Findings& findings) {
  const int64_t tokens = tokens_of(function);
  if (tokens >= 1 && tokens <= kWidestThatFailed)
    findings.add(function, fmt::format("takes {} token{} a call", tokens, tokens == 1 ? "" : "s"),
                 {.value = fmt::format("{}", tokens)});
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
