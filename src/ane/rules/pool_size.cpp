#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    const bool is_max = op.type() == "max_pool";
    if (!is_max && op.type() != "avg_pool") continue;
    const auto sizes = function.integers(op, "kernel_sizes");
    if (!sizes || sizes->empty()) continue;
    const int64_t largest = *std::ranges::max_element(*sizes);
    findings.add(function, op,
                 fmt::format("a window of {} {}", largest,
                             is_max ? "is rejected" : "is larger than any that was tried"),
                 {.operand = "kernel_sizes",
                  .value = fmt::format("{}", largest),
                  .holds =
                      [&](const Chip& chip) {
                        return largest >
                               (is_max ? chip.limits().max_pool : chip.limits().tested_avg_pool);
                      },
                  .severity = is_max ? Severity::error : Severity::warning,
                  .leaves = is_max});
  }
}

}  // namespace

extern const Rule k_pool_size{
    .info = {.id = "pool_size",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "max_pool is taken up to windows of 8x8 (1x9 was rejected); "
                            "avg_pool was tried up to 14.",
             .fix = "Pool twice with smaller windows.",
             .source = "751K-M6, notes/coreml_dispatch.md 3.3"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
