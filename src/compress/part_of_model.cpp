#include "compress/part_of_model.h"

#include <algorithm>
#include <set>
#include <string>

namespace anemone::compress {
namespace {

constexpr size_t kInput = static_cast<size_t>(-1);  ///< in place of a node: the function's input.

bool is_softmax(std::string_view type) {
  return type == "softmax" || type == "exp" || type == "exp2";  // or what it is written out with
}

}  // namespace

ModelParts::ModelParts(const mil::Function& function) {
  for (const mil::NamedType& input : function.inputs) makers_[input.name] = kInput;
  add_block(function.block);
  mark_attention();
  mark_head(function.block);
}

void ModelParts::add_block(const mil::Block& block) {
  for (const mil::Operation& operation : block.operations) add(operation);
}

void ModelParts::add(const mil::Operation& operation) {
  Node node{.operation = &operation};
  const auto read = [&](std::string_view name) {
    const auto maker = makers_.find(name);
    if (maker == makers_.end()) return;
    ++node.operands;
    if (maker->second != kInput) node.sources.push_back(maker->second);
    if (operation.type == "read_state") node.sources = writers_[name];
    if (operation.type == "write_state") writers_[name].push_back(nodes_.size());
  };
  for (const mil::Argument& argument : operation.inputs)
    for (const mil::Binding& binding : argument.bindings)
      if (binding.is_name()) read(binding.name());
  if (!operation.blocks.empty()) {
    const size_t entry = nodes_.size();
    nodes_.push_back(node);  // what the blocks are given
    node.sources = {entry};
    for (const mil::Block& block : operation.blocks) {
      for (const mil::NamedType& input : block.inputs) makers_[input.name] = entry;
      add_block(block);
      for (const std::string& output : block.outputs) read(output);
    }
  }
  if (node.operands == 0) return;
  find_weights_of(node);
  for (const mil::NamedType& output : operation.outputs) makers_[output.name] = nodes_.size();
  nodes_.push_back(std::move(node));
}

void ModelParts::find_weights_of(Node& node) {
  const mil::Operation& operation = *node.operation;
  const bool has_weight =
      operation.type == "conv" || operation.type == "conv_transpose" || operation.type == "linear";
  if (!has_weight && operation.type != "matmul" && operation.type != "einsum") return;
  for (const std::string_view parameter : {"weight", "x", "y", "values"}) {
    const mil::Argument* argument = operation.find_input(parameter);
    if (argument == nullptr || (has_weight && parameter != "weight")) continue;
    for (const mil::Binding& binding : argument->bindings)
      if (is_constant(binding)) {
        node.is_product = true;
        if (binding.is_name()) readers_[binding.name()].push_back(nodes_.size());
      }
  }
}

bool ModelParts::is_constant(const mil::Binding& binding) const {
  return !binding.is_name() || !makers_.contains(binding.name());
}

bool ModelParts::multiplies_activations(const Node& node) const {
  const std::string_view type = node.operation->type;
  if (type == "reduce_sum" && node.sources.size() == 1) {
    const Node& factors = nodes_[node.sources[0]];
    return factors.operation->type == "mul" && factors.operands > 1 && !is_square(factors);
  }
  return !node.is_product && (type == "matmul" || type == "einsum");
}

/// Of norms, which sum squares.
bool ModelParts::is_square(const Node& node) const {
  const mil::Argument* x = node.operation->find_input("x");
  const mil::Argument* y = node.operation->find_input("y");
  return x != nullptr && y != nullptr && x->bindings[0].is_name() && y->bindings[0].is_name() &&
         x->bindings[0].name() == y->bindings[0].name();
}

/// What is made of `seeds` past no other weight. Unless it passes sums, all that they add is, too.
ModelParts::Marks ModelParts::made_of(Marks seeds, bool passes_sums) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (seeds[i] || node.is_product) continue;
    const auto made = static_cast<size_t>(
        std::ranges::count_if(node.sources, [&](size_t source) { return seeds[source]; }));
    const bool ends = !passes_sums && node.operation->type == "add" && made < node.operands;
    seeds[i] = made > 0 && !ends;
  }
  return seeds;
}

/// The nearest products that make what `from` reads; of a product in `from`, those behind it.
ModelParts::Marks ModelParts::products_behind(const Marks& from, bool passes_sums) const {
  Marks seen(nodes_.size());
  Marks found(nodes_.size());
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Node& node = nodes_[i];
    if (seen[i] && node.is_product) found[i] = true;
    const bool ends =
        node.is_product || (!passes_sums && node.operation->type == "add" && node.operands > 1);
    if (!from[i] && (!seen[i] || ends)) continue;
    for (const size_t source : node.sources) seen[source] = true;
  }
  return found;
}

void ModelParts::mark_attention() {
  const size_t count = nodes_.size();
  Marks scores(count);
  Marks kept(count);
  for (size_t i = 0; i < count; ++i) {
    scores[i] = multiplies_activations(nodes_[i]);
    kept[i] = nodes_[i].operation->type == "write_state";
  }
  scores = made_of(std::move(scores), true);
  Marks weighted(count);
  for (size_t i = 0; i < count; ++i)
    weighted[i] = scores[i] && is_softmax(nodes_[i].operation->type);
  weighted = made_of(std::move(weighted), true);
  Marks results(count);
  for (size_t i = 0; i < count; ++i)
    results[i] = nodes_[i].operation->type == "scaled_dot_product_attention" ||
                 (multiplies_activations(nodes_[i]) &&
                  std::ranges::any_of(nodes_[i].sources, [&](size_t s) { return weighted[s]; }));
  has_attention_ = std::ranges::find(results, true) != results.end();

  attention_.assign(count, false);
  const auto add = [&](const Marks& products) {
    bool is_more = false;
    for (size_t i = 0; i < count; ++i)
      if (products[i] && !attention_[i]) attention_[i] = is_more = true;
    return is_more;
  };
  add(products_behind(results, true));
  add(products_behind(kept, true));
  const auto factors = [&] {  // of low rank
    Marks products = products_behind(attention_, false);
    for (size_t i = 0; i < count; ++i)
      products[i] = products[i] && !attention_[i] && !makes_stream(i);
    return products;
  };
  while (add(factors())) {
  }
  Marks outputs = results;
  for (bool is_more = true; is_more;) {
    const Marks made = made_of(outputs, false);
    Marks gated(count);
    Marks products(count);
    for (size_t i = 0; i < count; ++i) {
      gated[i] = made[i] && nodes_[i].operation->type == "mul";
      products[i] = nodes_[i].is_product &&
                    std::ranges::any_of(nodes_[i].sources, [&](size_t s) { return made[s]; });
      if (products[i]) outputs[i] = true;
    }
    add(products_behind(gated, false));
    is_more = add(products);
  }
}

/// Whether a sum adds to a value what products make of it.
bool ModelParts::is_residual(const Node& node) const {
  if (node.operation->type != "add" || node.sources.size() != 2) return false;
  const auto [first, second] = std::minmax(node.sources[0], node.sources[1]);
  size_t stream = first;
  while (!nodes_[stream].is_product && nodes_[stream].sources.size() == 1)
    stream = nodes_[stream].sources[0];
  std::vector<uint8_t> passed(second - stream + 1);  // 1: made of the stream, 2: by a product
  passed[0] = 1;
  for (size_t i = stream + 1; i <= second; ++i) {
    uint8_t& own = passed[i - stream];
    for (const size_t source : nodes_[i].sources)
      if (source >= stream) own = std::max(own, passed[source - stream]);
    if (own == 1 && nodes_[i].is_product) own = 2;
  }
  return passed.back() == 2;
}

/// Whether a residual sum adds to what this product makes, past no other weight.
bool ModelParts::makes_stream(size_t product) const {
  Marks seeds(nodes_.size());
  seeds[product] = true;
  const Marks made = made_of(std::move(seeds), true);
  for (size_t i = product; i < nodes_.size(); ++i)
    if (made[i] && is_residual(nodes_[i])) return true;
  return false;
}

void ModelParts::mark_head(const mil::Block& block) {
  const size_t count = nodes_.size();
  Marks made(count);
  for (size_t i = 0; i < count; ++i) {
    const Node& node = nodes_[i];
    const auto sources = static_cast<size_t>(
        std::ranges::count_if(node.sources, [&](size_t source) { return made[source]; }));
    if (node.is_product)
      made[i] = !attention_[i];
    else if (node.operation->type == "add")
      made[i] = sources > 0 && sources == node.operands && !is_residual(node);
    else
      made[i] = sources > 0;
  }
  head_.assign(count, false);
  Marks reached(count);
  for (const std::string& output : block.outputs)
    if (const auto maker = makers_.find(output); maker != makers_.end() && maker->second != kInput)
      reached[maker->second] = true;
  for (size_t i = count; i-- > 0;) {
    if (!reached[i] || !made[i]) continue;
    if (nodes_[i].is_product)
      head_[i] = true;
    else
      for (const size_t source : nodes_[i].sources) reached[source] = true;
  }
}

std::optional<Part> ModelParts::part_of(std::string_view weight) const {
  const auto readers = readers_.find(weight);
  if (readers == readers_.end()) return std::nullopt;
  const auto are = [&](const Marks& marks) {
    return std::ranges::any_of(readers->second, [&](size_t reader) { return marks[reader]; });
  };
  if (are(head_)) return Part::head;
  if (are(attention_)) return Part::attn;
  return has_attention_ ? std::optional(Part::ffn) : std::nullopt;
}

bool ModelParts::comes_from_ids(std::string_view value) const {
  std::set<std::string_view> seen;
  std::vector<std::string_view> open{value};
  while (!open.empty()) {
    const std::string_view next = open.back();
    open.pop_back();
    const auto maker = makers_.find(next);
    if (maker == makers_.end() || !seen.insert(next).second) continue;
    if (maker->second == kInput) {
      constexpr auto kNone = std::string_view::npos;
      if (next.find("ids") != kNone && next.find("position") == kNone) return true;
      continue;
    }
    const Node& node = nodes_[maker->second];
    if (node.is_product || node.operation->type == "shape") continue;
    for (const mil::Argument& argument : node.operation->inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) open.push_back(binding.name());
  }
  return false;
}

}  // namespace anemone::compress
