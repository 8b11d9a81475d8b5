#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr std::ptrdiff_t kMostThatWork = 2;

void judge(const FunctionView& function, Findings& findings) {
  const auto is_state = [](const mil::NamedType& input) {
    return input.type.kind == mil::ValueType::Kind::state;
  };
  const auto count = std::ranges::count_if(function.function().inputs, is_state);
  if (count > kMostThatWork)
    findings.add(function, fmt::format("{} states, at most {} work", count, kMostThatWork),
                 {.value = fmt::format("{}", count)});
}

}  // namespace

extern const Rule k_state_count{
    .info = {.id = "state_count",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "One state in a program is safe and two are shipped; three fail at "
                            "the first prediction (status 0x1d).",
             .fix = "Stack caches of one shape into one state, or divide the model into"
                    " chunks.",
             .source = "john-rocky/CoreML-LLM, docs/MLSTATE_PATTERN.md (iPhone 17 Pro, iOS"
                       " 26)"},

    .check_function = judge};

}  // namespace anemone::ane
