#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// Places that are attended: a cache may be longer. Without an attention, those of the cache.
int64_t places_of(const FunctionView& function) {
  int64_t places = 0;
  for (const Attention& attention : attentions(function)) places = std::max(places, attention.keys);
  if (places > 0) return places;
  for (const mil::NamedType& input : function.function().inputs)
    if (input.type.kind == mil::ValueType::Kind::state)
      if (const auto axis = token_axis(input.type.tensor.shape))
        places = std::max(places, input.type.tensor.shape[*axis]);
  return places;
}

void judge(const FunctionView& function, Findings& findings) {
  const int64_t places = places_of(function);
  for (const OpView& op : function.ops()) {
    if (op.type() != "gather" || !function.operand_is_constant(op, "x") ||
        !picks_positions(function, op))
      continue;
    const mil::TensorType* table = function.operand_type(op, "x");
    int64_t axis = function.integer(op, "axis").value_or(0);
    if (table == nullptr || table->shape.rank() == 0) continue;
    const auto rank = static_cast<int64_t>(table->shape.rank());
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) continue;
    const int64_t rows = table->shape[static_cast<size_t>(axis)];
    if (rows < places)
      findings.add(function, op, fmt::format("{} rows for {} places", rows, places),
                   {.operand = "x", .value = table->shape.to_string()});
  }
}

}  // namespace

extern const Rule k_position_table_short{
    .info = {.id = "position_table_short",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A table of cos and sin has fewer rows than the cache has places: "
                            "positions beyond its end get wrong angles.",
             .fix = "Convert again for this context.",
             .source = "ANEMLL to 0.3.3: RoPE tables too short"},

    .check_function = judge};

}  // namespace anemone::ane
