#include "compress/find_weights.h"

#include <algorithm>
#include <map>
#include <optional>

#include "compress/part_of_model.h"

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

bool is_attention_by_name(std::string_view name) { return contains(name, {"attn", "attention"}); }
bool is_ffn_by_name(std::string_view name) {
  return contains(name, {"mlp", "ffn", "feed_forward", "expert"});
}
bool is_layer_by_name(std::string_view name) {
  return is_attention_by_name(name) || is_ffn_by_name(name);
}

/// What the names say: the last resort.
Part part_by_name(std::string_view name, std::string_view package) {
  if (is_attention_by_name(name)) return Part::attn;
  if (is_ffn_by_name(name)) return Part::ffn;
  if (contains(name, {"head", "logit", "embed", "wte", "score"}) || contains(package, {"lm_head"}))
    return Part::head;
  return Part::ffn;
}

/// The indices of the gathers that read a weight that nothing else reads.
std::optional<std::string_view> indices_of(const std::vector<Use>& uses) {
  for (const Use& use : uses)
    if (use.operation->type != "gather") return std::nullopt;
  const mil::Argument* indices = uses[0].operation->find_input("indices");
  if (indices == nullptr || !indices->bindings[0].is_name()) return "";
  return indices->bindings[0].name();
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

  const ModelParts parts(function);
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
    FoundWeight weight{i, name, {type, *axis, mil::opset_number(function.opset)}};
    if (const auto indices = indices_of(readers->second)) {
      if (!parts.comes_from_ids(*indices)) continue;
      weight.part = Part::embed;
    } else {
      auto part = parts.part_of(name);
      if (part == Part::head && !parts.has_attention() && is_layer_by_name(name)) part.reset();
      weight.part = part.value_or(part_by_name(name, package));
      weight.is_part_named = !part;
    }
    found.push_back(std::move(weight));
  }
  return found;
}

}  // namespace anemone::compress
