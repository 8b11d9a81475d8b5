#include <algorithm>

#include "base/sha256.h"
#include "passes/rewriter.h"

namespace anemone::passes {
namespace {

/// Texts with their lengths in front, so that no two sequences of parts make one key.
void put(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ' ';
  key += part;
}

void put_contents(std::string& key, const Tensor& tensor) {
  if (!tensor.defined()) return put(key, "undefined");
  put(key, tensor.shape().to_string());
  if (tensor.dtype() == DType::string) {
    for (const std::string& text : tensor.strings()) put(key, text);
    return;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(tensor.bytes().data()),
                               tensor.bytes().size());
  put(key, bytes.size() <= 64 ? std::string(bytes) : sha256(bytes));
}

/// Two constants of the same key are the same constant. What lies in a weight file goes by its
/// place, without being read.
std::string key_of(const mil::Value& value) {
  std::string key;
  put(key, to_string(value.type));
  if (value.blob != nullptr) {
    put(key, value.blob->path);
    put(key, std::to_string(value.blob->offset_bytes));
    return key;
  }
  if (value.type.kind == mil::ValueType::Kind::tensor) put_contents(key, value.tensor);
  for (const mil::Value& element : value.elements) put(key, key_of(element));
  for (const mil::ValuePair& entry : value.entries) {
    put(key, key_of(entry.first));
    put(key, key_of(entry.second));
  }
  return key;
}

class Subexpressions final : public Rewriter {
 public:
  using Rewriter::Rewriter;

 private:
  void enter_block() override { known_.emplace_back(); }
  void leave_block() override { known_.pop_back(); }

  std::optional<Replacement> visit(const mil::Operation& operation, const mil::Scope&) override {
    const mil::OpDef* op = mil::find_op(operation.type);
    const bool repeats = op != nullptr && !op->name.starts_with("random_") &&
                         (op->kind == mil::OpKind::plain || op->kind == mil::OpKind::constant);
    if (!repeats || operation.outputs.empty()) return std::nullopt;
    const bool must_stay = std::ranges::any_of(
        operation.outputs, [&](const mil::NamedType& output) { return must_keep(output.name); });
    std::string key = key_of(operation);
    const std::vector<std::string>* first = must_stay ? nullptr : find(key);
    if (first != nullptr) {
      for (size_t i = 0; i < first->size(); ++i) forward(operation.outputs[i].name, (*first)[i]);
      return Replacement{};
    }
    std::vector<std::string> names;
    for (const mil::NamedType& output : operation.outputs) names.push_back(output.name);
    const mil::Value* contents =
        op->kind == mil::OpKind::constant ? operation.find_attribute("val") : nullptr;
    if (contents != nullptr && !must_stay) constants_.emplace(names[0], key_of(*contents));
    known_.back().try_emplace(std::move(key), std::move(names));
    return std::nullopt;
  }

  const std::vector<std::string>* find(const std::string& key) const {
    for (auto block = known_.rbegin(); block != known_.rend(); ++block)
      if (const auto found = block->find(key); found != block->end()) return &found->second;
    return nullptr;
  }

  std::string key_of(const mil::Binding& binding) const {
    if (!binding.is_name()) return "value " + passes::key_of(binding.value());
    const auto constant = constants_.find(binding.name());
    return constant == constants_.end() ? "name " + binding.name() : "value " + constant->second;
  }

  std::string key_of(const mil::Value& value) const { return passes::key_of(value); }

  std::string key_of(const mil::Operation& operation) const {
    std::string key;
    put(key, operation.type);
    for (const mil::Argument& argument : operation.inputs) {
      put(key, argument.parameter);
      put(key, std::to_string(argument.bindings.size()));
      for (const mil::Binding& binding : argument.bindings) put(key, key_of(binding));
    }
    for (const auto& [name, value] : operation.attributes) {
      if (name == "name") continue;
      put(key, "attribute " + name);
      put(key, key_of(value));
    }
    for (const mil::NamedType& output : operation.outputs) put(key, to_string(output.type));
    return key;
  }

  /// By block, the innermost last: the outputs of the first operation of a key.
  std::vector<std::unordered_map<std::string, std::vector<std::string>>> known_;
  std::unordered_map<std::string, std::string> constants_;  ///< by name: what it holds.
};

Counts run(mil::Function& function) { return Subexpressions(function).run(); }

}  // namespace

extern const Pass k_common_subexpressions{
    .name = "common_subexpressions",
    .doc =
        "Computes once what several operations compute from the same values, constants "
        "included.",
    .run = run};

}  // namespace anemone::passes
