#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "slice_update") continue;
    const std::string_view bound = bound_at_run_time(function, op);
    if (bound.empty()) continue;
    findings.add(function, op, fmt::format("writes at a place of run time ('{}')", bound),
                 {.operand = std::string(bound)});
  }
}

}  // namespace

extern const Rule k_cache_update{
    .info = {.id = "cache_update",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "An update of a cache at a place of run time is reported as "
                            "unsupported on its own (\"Cannot support standalone slice_update\") "
                            "and works as a part of a state's update; ANEMLL and this converter"
                            " write caches so.",
             .fix = "Where it falls off: cache * (1 - mask) + new * mask, or return new"
                    " keys and values and write them on the host.",
             .source = "Anemll/anemll-profile, README.md; apple/coreai-models, "
                       "neural_engine_rules.md, KV cache"},

    .check_function = judge};

}  // namespace anemone::ane
