#include "bench/borders.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "lm/interface.h"

namespace anemone::bench {
namespace {

class Walk {
 public:
  explicit Walk(const mil::Function& function) : operations_(function.block.operations) {
    for (size_t i = 0; i < operations_.size(); ++i)
      for (const mil::NamedType& output : operations_[i].outputs) makers_.emplace(output.name, i);
  }

  /// The first gather, its table aside, that `tokens` decides.
  std::string embedding(const std::string& tokens) const {
    std::set<std::string, std::less<>> reached{tokens};
    for (const mil::Operation& operation : operations_) {
      const auto from_tokens = [&](const mil::Argument& argument) {
        return std::ranges::any_of(argument.bindings, [&](const mil::Binding& binding) {
          return binding.is_name() && reached.contains(binding.name());
        });
      };
      if (!std::ranges::any_of(operation.inputs, from_tokens)) continue;
      for (const mil::NamedType& output : operation.outputs) reached.insert(output.name);
      if (operation.type == "gather" && !operation.outputs.empty())
        return operation.outputs[0].name;
    }
    return {};
  }

  /// What the first product on the way back from any of `outputs` reads; empty: there is none.
  std::string head_input(const std::vector<std::string>& outputs) const {
    size_t first = operations_.size();
    std::set<size_t> seen;
    std::vector<std::string> open = outputs;
    while (!open.empty()) {
      const auto made = makers_.find(open.back());
      open.pop_back();
      if (made == makers_.end() || !seen.insert(made->second).second) continue;
      const mil::Operation& operation = operations_[made->second];
      if (is_product(operation)) {
        first = std::min(first, made->second);
        continue;
      }
      for (const mil::Argument& argument : operation.inputs)
        for (const mil::Binding& binding : argument.bindings)
          if (binding.is_name()) open.push_back(binding.name());
    }
    return first == operations_.size() ? "" : activation_of(operations_[first]);
  }

  /// The one that the program makes last.
  std::string last_of(const std::vector<std::string>& outputs) const {
    std::string last;
    size_t place = 0;
    for (const std::string& output : outputs) {
      const auto made = makers_.find(output);
      if (made == makers_.end() || (!last.empty() && made->second < place)) continue;
      last = output;
      place = made->second;
    }
    return last;
  }

 private:
  static bool is_product(const mil::Operation& operation) {
    return operation.type == "conv" || operation.type == "linear" || operation.type == "matmul";
  }

  /// The operand of a product that is made by something, not stored.
  std::string activation_of(const mil::Operation& product) const {
    for (const char* parameter : {"x", "y"}) {
      const mil::Argument* argument = product.find_input(parameter);
      if (argument == nullptr || argument->bindings.size() != 1 || !argument->bindings[0].is_name())
        continue;
      const std::string& name = argument->bindings[0].name();
      const auto made = makers_.find(name);
      const bool stored =
          made != makers_.end() && (operations_[made->second].type == "const" ||
                                    operations_[made->second].type.starts_with("constexpr_"));
      if (!stored) return name;
    }
    return {};
  }

  const std::vector<mil::Operation>& operations_;
  std::map<std::string, size_t, std::less<>> makers_;
};

}  // namespace

Borders find_borders(const package::Package& package, std::string_view name) {
  Borders borders;
  const package::FunctionDescription* description = package.find_function(name);
  const mil::Function* function = package.program.find_function(name);
  if (function == nullptr && package.program.functions.size() == 1)
    function = &package.program.functions[0];
  if (description == nullptr || function == nullptr) return borders;
  const lm::Interface interface = lm::read_interface(*description);
  borders.takes_tokens = !interface.input_ids.empty();
  borders.begin = borders.takes_tokens ? interface.input_ids : interface.hidden_states;
  const Walk walk(*function);
  if (borders.takes_tokens) borders.embedded = walk.embedding(interface.input_ids);
  std::vector<std::string> outputs;
  std::vector<std::string> head_outputs;
  for (const package::Feature& output : description->outputs) {
    outputs.push_back(output.name);
    if (output.name != interface.output_hidden_states) head_outputs.push_back(output.name);
  }
  borders.to_head = walk.head_input(head_outputs);
  borders.end = walk.last_of(outputs);
  return borders;
}

}  // namespace anemone::bench
