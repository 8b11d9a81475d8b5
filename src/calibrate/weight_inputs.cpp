#include "calibrate/weight_inputs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace anemone::calibrate {
namespace {

class Reader {
 public:
  Reader(const std::filesystem::path& package, const mil::Function& function)
      : package_(package), function_(function) {
    for (const mil::Operation& operation : function.block.operations)
      if (operation.type == "const") constants_[operation.outputs[0].name] = &operation;
    add_readers(function.block, false);
  }

  /// What the readers of a weight multiply it with; nothing when one of them is another kind.
  std::optional<std::vector<InputUse>> uses(const compress::FoundWeight& weight) const {
    std::vector<InputUse> uses;
    if (weight.weight.columns() != weight.weight.inputs()) return std::nullopt;
    for (const auto& [reader, is_nested] : readers_.at(weight.name)) {
      if (reader->type == "gather") continue;  // takes rows as they are
      auto use = use_by(*reader, weight.name);
      if (!use || is_nested) return std::nullopt;  // values of inner blocks are not observed
      uses.push_back(*std::move(use));
    }
    return uses;
  }

 private:
  void add_readers(const mil::Block& block, bool is_nested) {
    for (const mil::Operation& operation : block.operations) {
      for (const mil::Argument& argument : operation.inputs)
        for (const mil::Binding& binding : argument.bindings)
          if (binding.is_name()) readers_[binding.name()].push_back({&operation, is_nested});
      for (const mil::Block& inner : operation.blocks) add_readers(inner, true);
    }
  }

  static const std::string* name_in(const mil::Operation& operation, std::string_view parameter) {
    const mil::Argument* argument = operation.find_input(parameter);
    if (argument == nullptr || argument->bindings.size() != 1) return nullptr;
    return argument->bindings[0].is_name() ? &argument->bindings[0].name() : nullptr;
  }

  /// A number of an operation, from a constant or inline.
  int64_t number_in(const mil::Operation& operation, std::string_view parameter,
                    int64_t otherwise) const {
    const mil::Argument* argument = operation.find_input(parameter);
    if (argument == nullptr || argument->bindings.size() != 1) return otherwise;
    const mil::Value* value = nullptr;
    if (const std::string* name = name_in(operation, parameter)) {
      const auto found = constants_.find(*name);
      if (found != constants_.end()) value = found->second->find_attribute("val");
    } else {
      value = &argument->bindings[0].value();
    }
    return value != nullptr && value->tensor.defined() ? static_cast<int64_t>(value->tensor.at(0))
                                                       : otherwise;
  }

  /// Of a constant.
  size_t rank_of(const std::string& weight) const {
    return constants_.at(weight)->find_attribute("val")->tensor.shape().rank();
  }

  /// What a conv takes has the rank of its weight, [N, C, …] beside [O, C, …].
  std::optional<InputUse> use_by(const mil::Operation& reader, const std::string& weight) const {
    const bool is_conv = reader.type == "conv";
    if (!is_conv && reader.type != "linear" && reader.type != "matmul") return std::nullopt;
    if (is_conv && number_in(reader, "groups", 1) != 1) return std::nullopt;
    const std::string* x = name_in(reader, "x");
    const std::string* y = name_in(reader, "y");
    InputUse use{package_, function_.name, {}, is_conv ? rank_of(weight) - 1 : 1};
    if (reader.type != "matmul") {
      if (x == nullptr || *x == weight) return std::nullopt;
      use.value = *x;
      return use;
    }
    if (x == nullptr || y == nullptr || *x == *y) return std::nullopt;
    const bool is_right = *y == weight;
    use.value = is_right ? *x : *y;
    const bool turned = number_in(reader, is_right ? "transpose_x" : "transpose_y", 0) != 0;
    use.axis_from_end = is_right != turned ? 1 : 2;
    return use;
  }

  struct Read {
    const mil::Operation* by;
    bool is_nested;
  };
  const std::filesystem::path& package_;
  const mil::Function& function_;
  std::map<std::string_view, const mil::Operation*> constants_;
  std::map<std::string_view, std::vector<Read>> readers_;
};

}  // namespace

std::vector<WeightInputs> weight_inputs(const package::Package& package, std::string_view name) {
  std::vector<WeightInputs> weights;
  // Functions may know one weight by several names, and an embedding may be a head as well.
  std::map<std::tuple<const void*, int64_t, size_t, int, bool>, size_t> known;
  for (const mil::Function& function : package.program.functions) {
    const Reader reader(package.path, function);
    for (compress::FoundWeight& found : compress::find_weights(function, name)) {
      const mil::Value& value = *function.block.operations[found.operation].find_attribute("val");
      if (!value.tensor.defined()) continue;
      auto uses = reader.uses(found);
      const auto [place, is_new] = known.try_emplace(
          {value.tensor.bytes().data(), found.weight.rows(), found.weight.output_axis,
           found.weight.opset, found.part == compress::Part::embed},
          weights.size());
      const std::string own = found.name;
      if (is_new) weights.push_back({std::move(found), {}, value.tensor, {}, true});
      auto& names = weights[place->second].names;
      if (std::ranges::find(names, own) == names.end()) names.push_back(own);
      WeightInputs& all = weights[place->second];
      all.is_tunable &= uses.has_value();
      if (uses) all.uses.insert(all.uses.end(), uses->begin(), uses->end());
    }
  }
  for (WeightInputs& weight : weights) {
    std::ranges::sort(weight.uses);
    weight.uses.erase(std::ranges::unique(weight.uses).begin(), weight.uses.end());
  }
  return weights;
}

}  // namespace anemone::calibrate
