#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    if (is_heavy(op.type()) && works_on_integers(function, op))
      findings.add(function, op, fmt::format("{} of integers runs on the CPU", op.type()),
                   {.value = op.operation->type});
}

}  // namespace

extern const Rule k_int_compute{
    .info = {.id = "int_compute",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Products, convolutions, norms and softmax of integers run on the "
                            "CPU.",
             .fix = "Compute in fp16; store weights as integers and let a constexpr op "
                    "expand them.",
             .source = "751K-M6, notes/coreml_dispatch.md: 166 models of one op, M4, macOS"
                       " 27"},
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
