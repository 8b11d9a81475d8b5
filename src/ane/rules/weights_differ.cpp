#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// A weight as it is stored: what it is made of, one tensor where it is not compressed.
struct Held {
  Weight weight;
  std::vector<const Tensor*> parts;
};
using WeightsByKind = std::map<std::string, std::vector<Held>>;

/// Adds what `name` is decompressed from, and its kind to `kind`; false where that is not at hand.
bool add_parts(const FunctionView& function, std::string_view name, Held& held, std::string& kind,
               int depth) {
  const auto add = [&](const Tensor& part) {
    held.parts.push_back(&part);
    kind += fmt::format("{} {} ", to_string(part.dtype()), part.shape().to_string());
    return true;
  };
  if (const Tensor* contents = function.contents(name)) return add(*contents);
  const OpView* op = function.producer(name);
  if (op == nullptr || depth == 0) return false;
  kind += fmt::format("{} ", op->type());
  const auto add_value = [&](const mil::Value& value) {
    return value.tensor.defined() && add(value.tensor);
  };
  const auto add_binding = [&](const mil::Binding& binding) {
    return binding.is_name() ? add_parts(function, binding.name(), held, kind, depth - 1)
                             : add_value(binding.value());
  };
  return std::ranges::all_of(op->operation->inputs, [&](const mil::Argument& argument) {
    return std::ranges::all_of(argument.bindings, add_binding);
  });
}

/// The weights by the kind of what they are made of.
WeightsByKind stored_weights(const FunctionView& function) {
  constexpr int kMostInEachOther = 4;  // sparse, palette, scale and one more
  WeightsByKind found;
  for (const Weight& weight : weights(function)) {
    Held held{weight, {}};
    std::string kind;
    if (add_parts(function, weight.name, held, kind, kMostInEachOther))
      found[kind].push_back(std::move(held));
  }
  return found;
}

std::set<std::string_view> states_of(const FunctionView& function) {
  std::set<std::string_view> names;
  for (const mil::NamedType& input : function.function().inputs)
    if (input.type.kind == mil::ValueType::Kind::state) names.insert(input.name);
  return names;
}

/// Whether `all` has weights of every kind of `some`, and as many of each: a step may have a head
/// that a block lacks.
bool holds_kinds(const WeightsByKind& all, const WeightsByKind& some) {
  return std::ranges::all_of(some, [&](const auto& kind) {
    const auto found = all.find(kind.first);
    return found != all.end() && found->second.size() >= kind.second.size();
  });
}

bool equal(const Held& a, const Held& b) {
  return std::ranges::equal(a.parts, b.parts, [](const Tensor* left, const Tensor* right) {
    const auto x = left->bytes();
    const auto y = right->bytes();
    return x.size() == y.size() &&
           (x.data() == y.data() || std::memcmp(x.data(), y.data(), x.size()) == 0);
  });
}

/// The products and tables of a function that has a cache.
struct HeldBy {
  const FunctionView* function;
  std::set<std::string_view> states;
  WeightsByKind weights;
};

/// Names what `part` holds and `whole` does not.
void compare(const HeldBy& part, const HeldBy& whole, Findings& findings) {
  for (const auto& [kind, group] : part.weights)
    for (const Held& one : group) {
      const auto is_it = [&](const Held& other) { return equal(one, other); };
      if (std::ranges::none_of(whole.weights.at(kind), is_it))
        findings.add(
            *part.function, *one.weight.op,
            fmt::format("'{}' equals no weight of '{}', which has the same shapes", one.weight.name,
                        whole.function->name()),
            {.operand = std::string(one.weight.parameter), .value = std::string(one.weight.name)});
    }
}

void judge(const PackageView& package, Findings& findings) {
  std::vector<HeldBy> before;
  for (const FunctionView& function : package.functions) {
    HeldBy held{&function, states_of(function), stored_weights(function)};
    if (held.states.empty() || held.weights.empty()) continue;
    const auto like = std::ranges::find_if(before, [&](const HeldBy& other) {
      return other.states == held.states &&
             (holds_kinds(other.weights, held.weights) || holds_kinds(held.weights, other.weights));
    });
    if (like == before.end())
      before.push_back(std::move(held));
    else if (holds_kinds(like->weights, held.weights))
      compare(held, *like, findings);
    else
      compare(*like, held, findings);
  }
}

}  // namespace

extern const Rule k_weights_differ{
    .info = {.id = "weights_differ",
             .family = RuleFamily::converter,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Two functions of a package have one cache and weights of the same "
                            "shapes, and a weight of products or a table is another in the "
                            "second: prefill and step then fill the cache from two models. "
                            "Adapters are meant to differ; gains and biases are not compared.",
             .fix =
                 "Convert all functions from one checkpoint. anemone probe runs token by token: it "
                 "sees the step, and nothing of a block.",
             .source = "ANEMLL, anemll/utils/combine_models.py merges parts that were converted "
                       "one after another, whatever they hold"},

    .check_package = judge};

}  // namespace anemone::ane
