#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr size_t kMostRank = 5;

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    for (const mil::NamedType& output : op.operation->outputs)
      if (output.type.kind == mil::ValueType::Kind::tensor &&
          output.type.tensor.shape.rank() > kMostRank && !function.is_constant(output.name))
        findings.add(function, op,
                     fmt::format("result '{}' has rank {}, at most {} is accepted", output.name,
                                 output.type.tensor.shape.rank(), kMostRank),
                     {.operand = output.name, .value = output.type.tensor.shape.to_string()});
}

}  // namespace

extern const Rule k_rank_over_5{
    .info = {.id = "rank_over_5",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Tensors of rank 6 and more are rejected.",
             .fix = "Merge axes with reshape, or split the work by head or by batch.",
             .source = "apple/coreai-models, neural_engine_rules.md: max tensor rank 5"},
    .check_function = judge};

}  // namespace anemone::ane
