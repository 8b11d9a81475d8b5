#include <fmt/format.h>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

bool is_part(const StateWrite& write, const Shape& state, size_t axis) {
  return !write.whole && write.begin.size() == state.rank() && write.end.size() == state.rank() &&
         write.begin[axis] && write.end[axis] &&
         (*write.begin[axis] != 0 || *write.end[axis] != state[axis]) &&
         *write.end[axis] != *write.begin[axis];
}

void judge(const FunctionView& function, Findings& findings) {
  for (const StateWrite& write : state_writes(function)) {
    const mil::ValueType* type = function.type(write.state);
    const auto axis = type == nullptr ? std::nullopt : token_axis(type->tensor.shape);
    if (!axis || !is_part(write, type->tensor.shape, *axis)) continue;
    findings.add(function, *write.op,
                 fmt::format("always writes rows {} to {} of the {} of '{}'", *write.begin[*axis],
                             *write.end[*axis], type->tensor.shape[*axis], write.state),
                 {.operand = "begin",
                  .value = fmt::format("{}..{}", *write.begin[*axis], *write.end[*axis])});
  }
}

}  // namespace

extern const Rule k_cache_at_constant_place{
    .info = {.id = "cache_at_constant_place",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A cache that is attended as a whole is written at a constant place"
                            " by a function that may run many times: later tokens overwrite "
                            "earlier ones.",
             .fix = "Convert again: the place has to be the current position. ANEMLL in"
                    " chunks writes it right where its monolith does not.",
             .source = "ANEMLL 0.3.6, monolithic Gemma 3, prefill_rotate (global cache at "
                       "rows 0 to B - 1); found by running it"},

    .check_function = judge};

}  // namespace anemone::ane
