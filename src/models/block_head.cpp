#include <cmath>

#include "models/blocks.h"

namespace anemone::models {
namespace {

/// [1, n, 1, S] -> [1, S, n]
Var rows_first(const BlockContext& context, const std::string& name, Var x) {
  const Var flat =
      context.builder.add("squeeze", name + "_flat", {{"x", x}, {"axes", std::vector<int64_t>{2}}});
  return context.builder.add("transpose", name,
                             {{"x", flat}, {"perm", std::vector<int64_t>{0, 2, 1}}});
}

}  // namespace

std::vector<int64_t> split_vocabulary(int64_t vocab_size, int64_t parts) {
  std::vector<int64_t> sizes(static_cast<size_t>(parts), vocab_size / parts);
  for (int64_t i = 0; i < vocab_size % parts; ++i) ++sizes[static_cast<size_t>(i)];
  return sizes;
}

std::vector<Var> head_parts_block(const BlockContext& context, Var x) {
  const Decoder& decoder = context.decoder;
  // A matrix without bias does not care where its factor stands, and x is the smaller place.
  const bool scales_input = !decoder.head.bias;
  if (scales_input) x = context.times("scaled", x, decoder.logits_scale);
  std::vector<Var> parts;
  int64_t first = 0;
  for (const int64_t size : split_vocabulary(decoder.vocab_size, context.spec.head_parts)) {
    Linear linear = decoder.head;
    linear.out = size;
    const auto cut = [&](WeightRef& ref) {
      if (size == decoder.vocab_size) return;
      ref.first_row += first;
      ref.rows = size;
    };
    cut(linear.weight);
    if (linear.bias) cut(*linear.bias);
    Var part = linear_block(context, "part", linear, x);
    if (!scales_input) part = context.times("part_scaled", part, decoder.logits_scale);
    if (const double cap = decoder.logits_softcap; cap > 0) {
      part = context.times("part_small", part, 1 / cap);
      part = context.builder.add("tanh", "part_bent", {{"x", part}});
      part = context.times("part_capped", part, cap);
    }
    parts.push_back(part);
    first += size;
  }
  return parts;
}

void logits_block(const BlockContext& context, Var x) {
  Builder& builder = context.builder;
  const Builder::NameScope scope(builder, "head");
  std::vector<Var> parts = head_parts_block(context, x);
  if (context.spec.joins_parts && parts.size() > 1)
    parts = {
        builder.add("concat", "joined", {{"values", parts}, {"axis", 1}, {"interleave", false}})};
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string name = parts.size() > 1 ? fmt::format("logits{}", i + 1) : "logits";
    builder.output(name, rows_first(context, name, parts[i]));
  }
}

void argmax_block(const BlockContext& context, Var x) {
  Builder& builder = context.builder;
  const Builder::NameScope scope(builder, "head");
  std::vector<Var> places;
  std::vector<Var> values;
  for (const Var& part : head_parts_block(context, x)) {
    places.push_back(
        builder.add("reduce_argmax", "part_argmax",
                    {{"x", part}, {"axis", 1}, {"keep_dims", true}, {"output_dtype", "int32"}}));
    values.push_back(
        builder.add("reduce_max", "part_max",
                    {{"x", part}, {"axes", std::vector<int64_t>{1}}, {"keep_dims", true}}));
  }
  const auto give = [&](const std::string& name, const std::vector<Var>& parts) {
    const Var joined = builder.add("concat", name + "_joined",
                                   {{"values", parts}, {"axis", 1}, {"interleave", false}});
    builder.output(name, context.reshape(name, joined, {static_cast<int64_t>(parts.size())}));
  };
  give("argmax_idx", places);
  give("argmax_val", values);
}

}  // namespace anemone::models
