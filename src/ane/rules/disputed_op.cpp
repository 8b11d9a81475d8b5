#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr std::array kDisputed = {"concat", "gelu", "tile"};

void judge(const FunctionView& function, Findings& findings) {
  for (const std::string_view type : kDisputed) {
    const auto is_disputed = [&](const OpView& op) {
      return op.type() == type && !function.is_constant(op.operation->outputs[0].name) &&
             is_float(op.operation->outputs[0].type.tensor.dtype);
    };
    const auto count = std::ranges::count_if(function.ops(), is_disputed);
    if (count > 0)
      findings.add(function, fmt::format("{} of {}", count, type),
                   {.operand = std::string(type), .value = fmt::format("{}", count)});
  }
}

}  // namespace

extern const Rule k_disputed_op{
    .info = {.id = "disputed_op",
             .family = RuleFamily::hardware,
             .severity = Severity::note,
             .chips = "all",
             .explanation = "concat, gelu and tile were reported as missing or faulty by users "
                            "of the private interface; Core ML places them on the Neural "
                            "Engine.",
             .fix = "Nothing through Core ML; for the private interface write them with"
                    " slices and sums.",
             .source = "mechramc/Orion, docs/ane_constraints.md; "
                       "skyfallsin/apple-neural-engine-field-guide, against 751K-M6"},

    .check_function = judge};

}  // namespace anemone::ane
