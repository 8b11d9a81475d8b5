#include "compress/find_weights.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace anemone::compress {
namespace {

constexpr int64_t kMostUncompressed = 2048;  ///< as coremltools' weight_threshold.

struct Use {
  const mil::Operation* operation;
  std::string_view parameter;
};
using Uses = std::map<std::string_view, std::vector<Use>>;

void collect_uses(const mil::Block& block, Uses& uses) {
  for (const mil::Operation& operation : block.operations) {
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) uses[binding.name()].push_back({&operation, argument.parameter});
    for (const mil::Block& nested : operation.blocks) collect_uses(nested, uses);
  }
  for (const std::string& output : block.outputs) uses[output].push_back({nullptr, {}});
}

using Constants = std::map<std::string_view, const mil::Value*>;

/// A flag of an operation, from a constant or inline.
bool is_set(const mil::Operation& operation, std::string_view parameter,
            const Constants& constants) {
  const mil::Argument* argument = operation.find_input(parameter);
  if (argument == nullptr || argument->bindings.empty()) return false;
  const mil::Binding& binding = argument->bindings[0];
  if (!binding.is_name())
    return binding.value().tensor.defined() && binding.value().tensor.at(0) != 0;
  const auto found = constants.find(binding.name());
  return found != constants.end() && found->second->tensor.defined() &&
         found->second->tensor.at(0) != 0;
}

/// The output axis of a weight that is read so, or nothing.
std::optional<size_t> output_axis(const Use& use, const Shape& shape, const Constants& constants) {
  if (use.operation == nullptr) return std::nullopt;
  const std::string& type = use.operation->type;
  if (type == "conv" && use.parameter == "weight") return 0;
  if (type == "linear" && use.parameter == "weight") return 0;
  if (type == "gather" && use.parameter == "x" && shape.rank() == 2) return 0;
  if (type != "matmul" || shape.rank() != 2) return std::nullopt;
  if (use.parameter == "y") return is_set(*use.operation, "transpose_y", constants) ? 0 : 1;
  return is_set(*use.operation, "transpose_x", constants) ? 1 : 0;
}

bool contains(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// Whether `name` comes from the input of token ids without a matrix between.
bool comes_from_ids(const mil::Function& function, const std::string& name) {
  std::map<std::string_view, const mil::Operation*> makers;
  for (const mil::Operation& operation : function.block.operations)
    for (const mil::NamedType& output : operation.outputs) makers[output.name] = &operation;
  std::set<std::string_view> seen;
  std::vector<std::string_view> open{name};
  while (!open.empty()) {
    const std::string_view next = open.back();
    open.pop_back();
    if (!seen.insert(next).second) continue;
    const auto maker = makers.find(next);
    if (maker == makers.end()) {
      if (contains(next, {"ids"}) && !contains(next, {"position"})) return true;
      continue;
    }
    if (maker->second->type == "shape") continue;
    for (const mil::Argument& argument : maker->second->inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) open.push_back(binding.name());
  }
  return false;
}

std::optional<Part> part_of(const mil::Function& function, std::string_view name,
                            std::string_view package, const std::vector<Use>& uses) {
  const auto is_gather = [](const Use& use) { return use.operation->type == "gather"; };
  if (std::ranges::all_of(uses, is_gather)) {
    const mil::Argument* indices = uses[0].operation->find_input("indices");
    if (indices == nullptr || !indices->bindings[0].is_name() ||
        !comes_from_ids(function, indices->bindings[0].name()))
      return std::nullopt;
    return Part::embed;
  }
  if (contains(name, {"attn", "attention"})) return Part::attn;
  if (contains(name, {"mlp", "ffn", "feed_forward", "expert"})) return Part::ffn;
  if (contains(name, {"head", "logit", "embed", "wte", "score"}) || contains(package, {"lm_head"}))
    return Part::head;
  return Part::ffn;
}

}  // namespace

std::vector<FoundWeight> find_weights(const mil::Function& function, std::string_view package) {
  Uses uses;
  collect_uses(function.block, uses);
  Constants constants;
  for (const mil::Operation& operation : function.block.operations)
    if (const mil::Value* value = operation.find_attribute("val");
        operation.type == "const" && value != nullptr)
      constants[operation.outputs[0].name] = value;

  std::vector<FoundWeight> found;
  for (size_t i = 0; i < function.block.operations.size(); ++i) {
    const mil::Operation& operation = function.block.operations[i];
    const mil::Value* value = operation.type == "const" ? operation.find_attribute("val") : nullptr;
    if (value == nullptr || value->type.kind != mil::ValueType::Kind::tensor) continue;
    const mil::TensorType& type = value->type.tensor;
    const auto readers = uses.find(operation.outputs[0].name);
    if ((type.dtype != DType::fp16 && type.dtype != DType::fp32) || type.shape.rank() < 2 ||
        type.shape.element_count() <= kMostUncompressed || readers == uses.end())
      continue;
    const auto axis = output_axis(readers->second[0], type.shape, constants);
    if (!axis || !std::ranges::all_of(readers->second, [&](const Use& use) {
          return output_axis(use, type.shape, constants) == axis;
        }))
      continue;
    const std::string& name = operation.outputs[0].name;
    const auto part = part_of(function, name, package, readers->second);
    if (part) found.push_back({i, name, {type, *axis, mil::opset_number(function.opset)}, *part});
  }
  return found;
}

}  // namespace anemone::compress
