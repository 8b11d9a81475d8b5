#include <fmt/format.h>

#include "ane/op_support.h"
#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

bool is_elementwise(std::string_view type) {
  return type == "add" || type == "sub" || type == "mul" || type == "real_div" ||
         type == "select" || type == "maximum" || type == "minimum";
}

/// The first op that uses the constant as something other than a weight.
const OpView* wrong_use(const FunctionView& function, std::string_view name) {
  std::vector<std::string_view> pending{name};
  for (size_t i = 0; i < pending.size() && i < 64; ++i)
    for (const Use& use : function.uses(pending[i])) {
      const std::string_view type = use.op->type();
      if (is_elementwise(type) || (type == "gather" && picks_positions(function, *use.op)))
        return use.op;
      if (!hands_on(type) && type != "tile") continue;
      for (const mil::NamedType& output : use.op->operation->outputs)
        pending.push_back(output.name);
    }
  return nullptr;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (!op.type().starts_with("constexpr_")) continue;
    const mil::NamedType& output = op.operation->outputs[0];
    if (const OpView* use = wrong_use(function, output.name))
      findings.add(
          function, *use,
          fmt::format("'{}', which is no weight, is compressed by {}", output.name, op.type()),
          {.operand = output.name, .value = output.type.tensor.shape.to_string()});
  }
}

}  // namespace

extern const Rule k_compressed_table{
    .info = {.id = "compressed_table",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A table, a mask or a gain is compressed as if it were a weight: "
                            "cos and sin of positions with 2^bits values, masks that are nearly"
                            " open (an error of 3.35 on a small model).",
             .fix = "Leave constants that are no weights out: raise weight_threshold, "
                    "name op types, or use groups, which skip tables whose first axis "
                    "is 1.",
             .source = "coremltools 9.0, global_config above 2048 elements; ANEMLL with a "
                       "palette per tensor; found by running both"},

    .check_function = judge};

}  // namespace anemone::ane
