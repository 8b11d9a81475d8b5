#include <fmt/format.h>

#include <unordered_set>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// Parameters that say where or how large, not what.
bool says_where(std::string_view parameter) {
  return parameter == "indices" || parameter == "begin" || parameter == "end" ||
         parameter == "size" || parameter == "shape" || parameter == "reps" ||
         parameter == "axes" || parameter == "axis";
}

/// The first integer value of run time that `name` is worked out from; empty.
std::string_view integer_behind(const FunctionView& function, std::string_view name) {
  std::unordered_set<std::string_view> seen{name};
  std::vector<std::string_view> pending{name};
  while (!pending.empty()) {
    const std::string_view next = pending.back();
    pending.pop_back();
    const mil::ValueType* type = function.type(next);
    if (type == nullptr || function.is_constant(next)) continue;
    if (type->kind == mil::ValueType::Kind::tensor && is_integer(type->tensor.dtype)) return next;
    const OpView* op = function.producer(next);
    if (op == nullptr || op->type() == "matmul") continue;
    for (const mil::Argument& argument : op->operation->inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name() && !says_where(argument.parameter) &&
            seen.insert(binding.name()).second)
          pending.push_back(binding.name());
  }
  return "";
}

void judge(const FunctionView& function, Findings& findings) {
  for (const Attention& attention : attentions(function))
    for (const std::string_view mask : attention.masks) {
      const std::string_view source = integer_behind(function, mask);
      if (source.empty()) continue;
      findings.add(
          function, *attention.softmax,
          fmt::format("its mask comes from '{}', {}", source, to_string(*function.type(source))),
          {.operand = std::string(source), .value = to_string(*function.type(source))});
    }
}

}  // namespace

extern const Rule k_integer_attention{
    .info = {.id = "integer_attention",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "An attention whose mask is worked out from integers in the program"
                            " (an attention_mask of int64, which converters make int32, or "
                            "positions that are compared): the integers are on the CPU, and "
                            "every layer waits for them.",
             .fix = "Take the additive mask in fp16 as an input, [1, 1, T, S], or keep "
                    "it as a constant.",
             .source = "751K-M6, notes/coreml_dispatch.md: every integer op is placed on "
                       "the CPU; apple/coreai-models, neural_engine_rules.md: causal mask "
                       "(1, cache, 1, q)"},

    .check_function = judge};

}  // namespace anemone::ane
