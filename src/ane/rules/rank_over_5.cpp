#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr size_t kMostRank = 5;

void judge(const FunctionView& function, Findings& findings) {
  for_each_value(function, [&](const mil::NamedType& value, const OpView* op) {
    const Shape& shape = value.type.tensor.shape;
    if (shape.rank() > kMostRank)
      findings.add(function, op,
                   fmt::format("{} has rank {}, at most {} is accepted", described(value, op),
                               shape.rank(), kMostRank),
                   {.operand = value.name, .value = shape.to_string()});
  });
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
    .leaves = Leaves::op,
    .check_function = judge};

}  // namespace anemone::ane
