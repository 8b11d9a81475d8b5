#include <algorithm>
#include <unordered_set>

#include "passes/passes.h"

namespace anemone::passes {
namespace {

using Names = std::unordered_set<std::string>;

bool writes_state(const mil::Operation& operation) {
  return operation.type == "write_state" ||
         std::ranges::any_of(operation.blocks, [](const mil::Block& block) {
           return std::ranges::any_of(block.operations, writes_state);
         });
}

/// Drops what neither a state nor a name in `used` needs, and adds the names that the rest needs.
/// A name that stands for several values in blocks side by side is used where one of them is.
Counts clean(mil::Block& block, Names& used) {
  Counts counts;
  used.insert(block.outputs.begin(), block.outputs.end());
  std::vector<mil::Operation> kept;
  for (auto at = block.operations.rbegin(); at != block.operations.rend(); ++at) {
    const bool is_used =
        writes_state(*at) || std::ranges::any_of(at->outputs, [&](const mil::NamedType& output) {
          return used.contains(output.name);
        });
    if (!is_used) {
      ++counts.removed;
      continue;
    }
    for (mil::Block& nested : at->blocks) counts.removed += clean(nested, used).removed;
    for (const mil::Argument& argument : at->inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) used.insert(binding.name());
    kept.push_back(std::move(*at));
  }
  std::ranges::reverse(kept);
  block.operations = std::move(kept);
  return counts;
}

Counts run(mil::Function& function) {
  Names used;
  return clean(function.block, used);
}

}  // namespace

extern const Pass k_dead_code{.name = "dead_code",
                              .doc = "Drops operations that neither an output nor a state needs.",
                              .run = run};

}  // namespace anemone::passes
