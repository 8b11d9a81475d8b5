#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

struct Held {
  Weight weight;
  const Tensor* contents;
};
using WeightsByShape = std::map<std::string, std::vector<Held>>;

/// The weights that are not compressed, by dtype and shape.
WeightsByShape plain_weights(const FunctionView& function) {
  WeightsByShape found;
  for (const Weight& weight : weights(function)) {
    const Tensor* contents =
        weight.decompressor == nullptr ? function.contents(weight.name) : nullptr;
    if (contents != nullptr)
      found[fmt::format("{} {}", to_string(contents->dtype()), contents->shape().to_string())]
          .push_back({weight, contents});
  }
  return found;
}

bool same_kinds(const WeightsByShape& a, const WeightsByShape& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.size() == y.second.size();
  });
}

bool equal(const Held& a, const Held& b) {
  const auto x = a.contents->bytes();
  const auto y = b.contents->bytes();
  return x.size() == y.size() &&
         (x.data() == y.data() || std::memcmp(x.data(), y.data(), x.size()) == 0);
}

void judge(const PackageView& package, Findings& findings) {
  std::vector<std::pair<const FunctionView*, WeightsByShape>> before;
  for (const FunctionView& function : package.functions) {
    WeightsByShape held = plain_weights(function);
    const auto like = std::ranges::find_if(
        before, [&](const auto& other) { return same_kinds(other.second, held); });
    if (like == before.end()) {
      if (!held.empty()) before.emplace_back(&function, std::move(held));
      continue;
    }
    for (const auto& [kind, group] : held)
      for (const Held& one : group)
        if (std::ranges::none_of(like->second.at(kind),
                                 [&](const Held& other) { return equal(one, other); }))
          findings.add(function, *one.weight.op,
                       fmt::format("'{}' equals no weight of '{}', which has the same shapes",
                                   one.weight.name, like->first->name()),
                       {.operand = std::string(one.weight.parameter),
                        .value = std::string(one.weight.name)});
  }
}

}  // namespace

extern const Rule k_weights_differ{
    .info = {.id = "weights_differ",
             .family = RuleFamily::converter,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Two functions of a package have weights of the same shapes, and one "
                            "of them is another in the second: prefill and step then fill one "
                            "cache from two models. Adapters are meant to differ.",
             .fix = "Convert all functions from one checkpoint; anemone probe against it names "
                    "the function that is off.",
             .source = "ANEMLL, anemll/utils/combine_models.py merges parts that were converted "
                       "one after another, whatever they hold"},

    .check_package = judge};

}  // namespace anemone::ane
