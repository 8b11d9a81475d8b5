#include "probe/structure.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_map>

namespace anemone::probe {
namespace {

constexpr std::array<std::string_view, 6> kViews = {"cast",    "expand_dims", "identity",
                                                    "reshape", "squeeze",     "transpose"};
constexpr size_t kNone = static_cast<size_t>(-1);

/// Who makes and who needs the values of a function's outermost block.
class Graph {
 public:
  explicit Graph(const mil::Function& function) : operations_(function.block.operations) {
    sources_.resize(operations_.size());
    constant_.resize(operations_.size());
    std::unordered_map<std::string_view, std::vector<size_t>> writers;  // of states
    for (size_t i = 0; i < operations_.size(); ++i) {
      const mil::Operation& operation = operations_[i];
      for (const auto& input : operation.inputs)
        for (const auto& binding : input.bindings)
          if (binding.is_name()) read(i, binding.name(), operation, writers);
      constant_[i] = is_constant(operation, i);
      for (const auto& output : operation.outputs) maker_[output.name] = i;
    }
  }

  const std::vector<mil::Operation>& operations() const { return operations_; }
  size_t maker(std::string_view value) const {
    const auto found = maker_.find(value);
    return found == maker_.end() ? kNone : found->second;
  }
  bool is_constant_value(const mil::Binding& binding) const {
    if (!binding.is_name()) return true;
    const size_t by = maker(binding.name());
    return by != kNone && constant_[by];
  }
  /// The value that `value` is another view of.
  std::string_view root(std::string_view value) const {
    for (size_t by = maker(value); by != kNone; by = maker(value)) {
      const mil::Operation& operation = operations_[by];
      const mil::Argument* x = operation.find_input("x");
      if (std::ranges::find(kViews, operation.type) == kViews.end() || x == nullptr ||
          x->bindings.size() != 1 || !x->bindings[0].is_name())
        break;
      value = x->bindings[0].name();
    }
    return value;
  }
  /// Operations from `first` on that `value` is computed from, in order; `uses` tells whether
  /// one of them reads `wanted` or another view of it.
  std::vector<size_t> made_of(std::string_view value, size_t first, std::string_view wanted,
                              bool& uses) const {
    std::vector<size_t> found;
    std::vector<size_t> open;
    std::set<size_t> seen;
    uses = false;
    const auto visit = [&](size_t by) {
      if (by != kNone && by >= first && seen.insert(by).second) open.push_back(by);
    };
    visit(maker(value));
    while (!open.empty()) {
      const size_t at = open.back();
      open.pop_back();
      found.push_back(at);
      for (const auto& [name, by] : sources_[at]) {
        uses = uses || root(name) == wanted;
        visit(by);
      }
    }
    std::ranges::sort(found);
    return found;
  }
  /// Those of `operations`, which are in order, that are computed from `wanted` or another view of
  /// it. Asking for its shape is not computing from it.
  std::vector<size_t> computed_from(std::string_view wanted,
                                    const std::vector<size_t>& operations) const {
    std::set<size_t> found;
    for (const size_t at : operations)
      if (operations_[at].type != "shape" &&
          std::ranges::any_of(sources_[at], [&](const auto& source) {
            return found.contains(source.second) || root(source.first) == wanted;
          }))
        found.insert(at);
    return {found.begin(), found.end()};
  }
  /// Whether it is a constant of one element, which multiplies every other value alike.
  bool is_one_number(const mil::Binding& binding) const {
    if (!is_constant_value(binding)) return false;
    const mil::ValueType& type = binding.is_name()
                                     ? operations_[maker(binding.name())].outputs[0].type
                                     : binding.value().type;
    const Shape& shape = type.tensor.shape;
    return type.kind == mil::ValueType::Kind::tensor && !type.tensor.variable_rank &&
           (shape.rank() == 0 || (shape.rank() == 1 && shape[0] == 1));
  }

 private:
  using Writers = std::unordered_map<std::string_view, std::vector<size_t>>;

  void read(size_t at, const std::string& name, const mil::Operation& operation, Writers& writers) {
    sources_[at].emplace_back(name, maker(name));
    if (operation.type == "write_state") writers[name].push_back(at);
    if (operation.type != "read_state") return;
    for (const size_t writer : writers[name]) sources_[at].emplace_back(std::string_view(), writer);
  }

  bool is_constant(const mil::Operation& operation, size_t at) const {
    if (operation.type == "const" || operation.type.starts_with("constexpr_")) return true;
    if (operation.type == "read_state" || sources_[at].empty()) return false;
    return std::ranges::all_of(sources_[at], [&](const auto& source) {
      return source.second != kNone && constant_[source.second];
    });
  }

  const std::vector<mil::Operation>& operations_;
  std::unordered_map<std::string_view, size_t> maker_;
  std::vector<std::vector<std::pair<std::string_view, size_t>>> sources_;
  std::vector<bool> constant_;
};

const mil::Binding* operand(const mil::Operation& operation, std::string_view parameter) {
  const mil::Argument* argument = operation.find_input(parameter);
  return argument != nullptr && argument->bindings.size() == 1 ? &argument->bindings[0] : nullptr;
}

/// A product of activations with weights.
struct WeightProduct {
  Place input;
  Place output;
};

std::optional<WeightProduct> product_of(const Graph& graph, const mil::Operation& operation) {
  if (operation.outputs.size() != 1) return {};
  const mil::NamedType& output = operation.outputs[0];
  const size_t rank = output.type.tensor.shape.rank();
  const mil::Binding* const x = operand(operation, "x");
  const mil::Binding* const y = operand(operation, "y");
  const mil::Binding* const weight = operand(operation, "weight");
  const auto made = [&](const mil::Binding* activation,
                        size_t axis) -> std::optional<WeightProduct> {
    if (activation == nullptr || graph.is_constant_value(*activation)) return {};
    return WeightProduct{{activation->name(), axis}, {output.name, axis}};
  };
  if (rank < 2) return {};
  if (operation.type == "conv") {
    if (weight == nullptr || !graph.is_constant_value(*weight)) return {};
    return made(x, 1);
  }
  if (operation.type == "linear") return made(x, rank - 1);
  if (operation.type != "matmul" || x == nullptr || y == nullptr) return {};
  if (graph.is_constant_value(*y)) return made(x, rank - 1);
  if (graph.is_constant_value(*x)) return made(y, rank - 2);
  return {};
}

/// An addition to a stream: which operand is the stream, which the branch.
struct Link {
  size_t operation = 0;
  std::string_view stream;
  std::string_view branch;
  size_t before = kNone;  ///< the link that made `stream`.
  size_t length = 1;
};

std::optional<Link> link_of(const Graph& graph, size_t at) {
  const mil::Operation& operation = graph.operations()[at];
  const mil::Binding* const x = operand(operation, "x");
  const mil::Binding* const y = operand(operation, "y");
  if (operation.type != "add" || x == nullptr || y == nullptr || operation.outputs.size() != 1 ||
      !is_float(operation.outputs[0].type.tensor.dtype))
    return {};
  if (graph.is_constant_value(*x) || graph.is_constant_value(*y)) return {};
  for (const auto& [stream, branch] : {std::pair{x, y}, std::pair{y, x}}) {
    const std::string_view root = graph.root(stream->name());
    const size_t maker = graph.maker(root);
    bool uses = false;
    graph.made_of(branch->name(), maker == kNone ? 0 : maker + 1, root, uses);
    if (uses) return Link{.operation = at, .stream = stream->name(), .branch = branch->name()};
  }
  return {};
}

/// The longest chain, in order.
std::vector<Link> residual_chain(const Graph& graph) {
  std::vector<Link> links;
  std::unordered_map<size_t, size_t> link_at;  // by operation
  size_t longest = kNone;
  for (size_t at = 0; at < graph.operations().size(); ++at) {
    auto link = link_of(graph, at);
    if (!link) continue;
    const auto before = link_at.find(graph.maker(graph.root(link->stream)));
    if (before != link_at.end()) {
      link->before = before->second;
      link->length = links[before->second].length + 1;
    }
    link_at[at] = links.size();
    links.push_back(*link);
    if (longest == kNone || link->length > links[longest].length) longest = links.size() - 1;
  }
  std::vector<Link> chain;
  for (size_t i = longest; i != kNone; i = links[i].before) chain.push_back(links[i]);
  std::ranges::reverse(chain);
  return chain;
}

void name_roles(Branch& branch) {
  const size_t inputs = branch.products.empty() ? 0 : branch.products.size() - 1;
  std::vector<std::string> names;
  if (branch.is_attention && inputs == 3) names = {"q", "k", "v"};
  if (branch.is_attention && inputs == 1) names = {"qkv"};
  if (!branch.is_attention && inputs == 2) names = {"gate", "up"};
  if (!branch.is_attention && inputs == 1) names = {"up"};
  for (size_t i = 0; i < inputs; ++i)
    branch.products[i].role = names.empty() ? "in" + std::to_string(i) : names[i];
  if (!branch.products.empty()) branch.products.back().role = branch.is_attention ? "out" : "down";
}

/// Attention multiplies activations with each other: queries with keys, the result with values.
int mixes_activations(const Graph& graph, const mil::Operation& operation) {
  if (operation.type == "scaled_dot_product_attention") return 2;
  if (operation.type == "matmul") {
    const mil::Binding* const x = operand(operation, "x");
    const mil::Binding* const y = operand(operation, "y");
    return x != nullptr && y != nullptr && !graph.is_constant_value(*x) &&
           !graph.is_constant_value(*y);
  }
  const mil::Argument* const values = operation.find_input("values");
  return operation.type == "einsum" && values != nullptr &&
         std::ranges::none_of(values->bindings,
                              [&](const auto& each) { return graph.is_constant_value(each); });
}

Branch branch_of(const Graph& graph, const Link& link) {
  const mil::Operation& sum = graph.operations()[link.operation];
  Branch branch{.sum = {sum.outputs[0].name, {}}};
  const std::string_view root = graph.root(link.stream);
  const size_t maker = graph.maker(root);
  bool uses = false;
  int mixes = 0;
  const auto made = graph.made_of(link.branch, maker == kNone ? 0 : maker + 1, root, uses);
  for (const size_t at : graph.computed_from(root, made)) {
    const mil::Operation& operation = graph.operations()[at];
    mixes += mixes_activations(graph, operation);
    const auto product = product_of(graph, operation);
    if (!product) continue;
    if (branch.products.empty()) branch.norm = product->input;
    branch.products.push_back({"", product->output});
  }
  branch.is_attention = mixes >= 2;
  name_roles(branch);
  return branch;
}

/// The factor of scaled logits may stand before the head's product or after it: `value` as it was
/// before such factors, but not the stream itself.
std::string_view unscaled(const Graph& graph, std::string_view value, std::string_view stream) {
  for (size_t by = graph.maker(value); by != kNone; by = graph.maker(value)) {
    const mil::Operation& operation = graph.operations()[by];
    const mil::Binding* rest = operand(operation, "x");
    const mil::Binding* number = operand(operation, "y");
    if (rest == nullptr || number == nullptr) break;
    if (operation.type == "mul" && graph.is_one_number(*rest)) std::swap(rest, number);
    if ((operation.type != "mul" && operation.type != "real_div") ||
        !graph.is_one_number(*number) || graph.is_constant_value(*rest) ||
        graph.root(rest->name()) == stream)
      break;
    value = rest->name();
  }
  return value;
}

}  // namespace

Structure structure_of(const mil::Function& function) {
  const Graph graph(function);
  const std::vector<Link> chain = residual_chain(graph);
  Structure structure;
  if (!chain.empty()) structure.start = Place{std::string(chain[0].stream), {}};
  for (const Link& link : chain) structure.branches.push_back(branch_of(graph, link));
  const size_t after = chain.empty() ? 0 : chain.back().operation + 1;
  const std::string stream = chain.empty() ? "" : structure.branches.back().sum.value;
  for (size_t at = after; at < graph.operations().size() && !structure.head_input; ++at)
    if (const auto product = product_of(graph, graph.operations()[at]))
      structure.head_input = Place{std::string(unscaled(graph, product->input.value, stream)),
                                   product->input.channel_axis};
  return structure;
}

}  // namespace anemone::probe
