#include "models/blocks.h"

namespace anemone::models {
namespace {

/// 1 for the k largest of logits [1, E, 1, S] along E, else 0: exactly k of them, and of equals the
/// first, by operations that stay on the Neural Engine (indices do not).
Var choose(const BlockContext& context, Var logits, int64_t k) {
  Builder& builder = context.builder;
  const DType dtype = context.spec.dtype;
  const std::string number(to_string(dtype));
  const int64_t experts = logits.shape()[1];
  const auto as_number = [&](const char* hint, Var flags) {
    return builder.add("cast", hint, {{"x", flags}, {"dtype", number.c_str()}});
  };
  const Var best = builder.add("topk", "best",
                               {{"x", logits},
                                {"k", k},
                                {"axis", 1},
                                {"ascending", false},
                                {"sort", true},
                                {"return_indices", false}});
  const Var least = builder.add("slice_by_index", "least",
                                {{"x", best},
                                 {"begin", std::vector<int64_t>{0, k - 1, 0, 0}},
                                 {"end", std::vector<int64_t>{1, k, 1, 0}},
                                 {"end_mask", std::vector<bool>{false, false, false, true}}});
  const Var above =
      as_number("above", builder.add("greater", "is_above", {{"x", logits}, {"y", least}}));
  const Var equal =
      as_number("equal", builder.add("equal", "is_equal", {{"x", logits}, {"y", least}}));
  const Var count =
      builder.add("reduce_sum", "above_count",
                  {{"x", above}, {"axes", std::vector<int64_t>{1}}, {"keep_dims", true}});
  const Var room =
      builder.add("sub", "room", {{"x", context.scalar(static_cast<double>(k))}, {"y", count}});
  Tensor triangle = Tensor::zeros(dtype, {experts, experts, 1, 1});
  for (int64_t row = 0; row < experts; ++row)
    for (int64_t column = 0; column <= row; ++column) triangle.set(row * experts + column, 1);
  const Var rank = builder.add("conv", "equal_rank",
                               {{"x", equal}, {"weight", builder.constant("triangle", triangle)}});
  const Var fits =
      as_number("fits", builder.add("less_equal", "is_within", {{"x", rank}, {"y", room}}));
  const Var taken = builder.add("mul", "equal_taken", {{"x", equal}, {"y", fits}});
  return builder.add("add", "chosen", {{"x", above}, {"y", taken}});
}

/// Weights of the experts [1, E, 1, S]. The softmax over the chosen logits alone is what dividing
/// the chosen probabilities by their sum gives.
Var route(const BlockContext& context, const MixtureOfExperts& mixture, Var x) {
  Builder& builder = context.builder;
  const Var logits = linear_block(context, "router", mixture.router, x);
  const Var chosen = choose(context, logits, mixture.experts_per_token);
  if (!mixture.normalises) {
    const Var all = builder.add("softmax", "probabilities", {{"x", logits}, {"axis", 1}});
    return builder.add("mul", "routing", {{"x", all}, {"y", chosen}});
  }
  const Var others = builder.add("sub", "others", {{"x", chosen}, {"y", context.scalar(1)}});
  const Var hidden = context.times("hidden", others, -kHidden);
  const Var masked = builder.add("add", "logits_chosen", {{"x", logits}, {"y", hidden}});
  return builder.add("softmax", "routing", {{"x", masked}, {"axis", 1}});
}

}  // namespace

Var mixture_block(const BlockContext& context, const MixtureOfExperts& mixture, Var x,
                  double factor) {
  Builder& builder = context.builder;
  const Builder::NameScope scope(builder, "moe");
  const Var routing = route(context, mixture, x);
  const auto count = mixture.experts.size();
  const auto weights =
      builder.add_all("split", "routing_of", count,
                      {{"x", routing}, {"num_splits", static_cast<int64_t>(count)}, {"axis", 1}});
  Var sum;
  for (size_t expert = 0; expert < count; ++expert) {
    const Builder::NameScope own(builder, fmt::format("expert_{}", expert));
    const Var y = mlp_block(context, mixture.experts[expert], x, factor);
    const Var weighted = builder.add("mul", "weighted", {{"x", y}, {"y", weights[expert]}});
    sum = sum.defined() ? builder.add("add", "sum", {{"x", sum}, {"y", weighted}}) : weighted;
  }
  return sum;
}

}  // namespace anemone::models
