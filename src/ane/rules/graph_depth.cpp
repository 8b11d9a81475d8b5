#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kMostInChain = 383;

void judge(const FunctionView& function, Findings& findings) {
  std::unordered_map<std::string_view, int64_t> depths;
  const OpView* deepest = nullptr;
  int64_t most = 0;
  for (const OpView& op : function.ops()) {
    int64_t depth = 0;
    for (const mil::Argument& argument : op.operation->inputs)
      for (const mil::Binding& binding : argument.bindings) {
        const auto found = binding.is_name() ? depths.find(binding.name()) : depths.end();
        if (found != depths.end()) depth = std::max(depth, found->second);
      }
    if (function.has_weight(op)) ++depth;
    for (const mil::NamedType& output : op.operation->outputs) depths[output.name] = depth;
    if (depth > most) {
      most = depth;
      deepest = &op;
    }
  }
  if (most > kMostInChain)
    findings.add(
        function, *deepest,
        fmt::format("{} convolutions follow each other, at most {} compile", most, kMostInChain),
        {.value = fmt::format("{}", most)});
}

}  // namespace

extern const Rule k_graph_depth{
    .info = {.id = "graph_depth",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A chain of 383 convolutions compiles on M4, one of 384 does not "
                            "(M6: 387).",
             .fix = "Divide the model into chunks: anemone convert --chunks N.",
             .source = "751K-M6, maderix_summary.md, defects.md A1"},
    .leaves = Leaves::program,
    .check_function = judge};

}  // namespace anemone::ane
