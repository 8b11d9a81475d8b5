#include <fmt/format.h>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

constexpr int kFewestSoundBits = 4;

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops()) {
    if (op.type() != "constexpr_lut_to_dense") continue;
    const mil::TensorType* lut = function.operand_type(op, "lut");
    const bool vectors =
        lut != nullptr && lut->shape.rank() > 1 && lut->shape[lut->shape.rank() - 1] > 1;
    const int bits = palette_bits(function, op);
    if (!vectors && bits > 0 && bits < kFewestSoundBits)
      findings.add(function, op, fmt::format("a palette of {} bit{}", bits, bits == 1 ? "" : "s"),
                   {.operand = "indices", .value = fmt::format("{}", bits)});
  }
}

}  // namespace

extern const Rule k_low_bit_palette{
    .info = {.id = "low_bit_palette",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Palettes of 2 and 3 bits run, but models that were not trained for"
                            " them talk nonsense; the cliff lies between 3 and 4 bits.",
             .fix = "At least 4 bits, or train with the palettes; compare perplexities.",
             .source = "john-rocky/CoreML-LLM, docs/EXPERIMENTS.md"},

    .check_function = judge};

}  // namespace anemone::ane
