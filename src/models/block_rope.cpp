#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "models/blocks.h"

namespace anemone::models {
namespace {

enum class Wave : uint8_t { cosine, sine };

/// [positions, R]. Angles are products in fp32, as the models were trained with; sines have the
/// sign of the half-split rotation.
Tensor make_table(Wave wave, const std::vector<double>& inv_freq, double scale, DType dtype,
                  int64_t positions) {
  const auto half = static_cast<int64_t>(inv_freq.size());
  Tensor table = Tensor::zeros(dtype, {positions, 2 * half});
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t pair = 0; pair < half; ++pair) {
      const auto frequency = static_cast<float>(inv_freq[static_cast<size_t>(pair)]);
      const auto angle = static_cast<double>(static_cast<float>(position) * frequency);
      const double value = scale * (wave == Wave::cosine ? std::cos(angle) : std::sin(angle));
      const int64_t first = position * 2 * half + pair;
      table.set(first, wave == Wave::cosine ? value : -value);
      table.set(first + half, value);
    }
  return table;
}

/// The table of one function, the same tensor as that of others. Tables of gathered rows are fp32:
/// the Neural Engine gathers none by an input's indices, so their width costs it nothing, and
/// the rows are cast.
Tensor table_of(const BlockContext& context, Wave wave, const Rope& rope, DType dtype) {
  const FunctionSpec& spec = context.spec;
  const bool is_long = spec.context > context.decoder.max_positions && !rope.long_inv_freq.empty();
  const std::vector<double>& inv_freq = is_long ? rope.long_inv_freq : rope.inv_freq;
  const std::string key =
      fmt::format("rope {} {} {} {} {}", wave == Wave::cosine ? "cos" : "sin", to_string(dtype),
                  spec.context, rope.attention_scaling, fmt::join(inv_freq, " "));
  return context.decoder.computed.get(
      key, [&] { return make_table(wave, inv_freq, rope.attention_scaling, dtype, spec.context); });
}

}  // namespace

Rotary rotary_block(const BlockContext& context, std::string_view hint, const Rope& rope,
                    Var positions) {
  Builder& builder = context.builder;
  const FunctionSpec& spec = context.spec;
  const bool is_fixed = !spec.cached && !spec.is_flexible;
  const std::string number(to_string(spec.dtype));
  const auto rows = [&](const std::string& name, Wave wave) {
    const Tensor table = table_of(context, wave, rope, is_fixed ? spec.dtype : DType::fp32);
    const Shape shape{1, 1, spec.rows, table.shape()[1]};
    if (is_fixed) return builder.constant(name, table.reshaped(shape));
    const Var gathered = builder.add("gather", name + "_rows",
                                     {{"x", builder.constant(name + "_table", table)},
                                      {"indices", positions},
                                      {"axis", 0},
                                      {"batch_dims", 0},
                                      {"validate_indices", false}});
    if (spec.dtype == DType::fp32) return context.reshape(name, gathered, shape);
    const Var cast =
        builder.add("cast", name + "_cast", {{"x", gathered}, {"dtype", number.c_str()}});
    return context.reshape(name, cast, shape);
  };
  const std::string name(hint);
  return {rows(name + "_cos", Wave::cosine), rows(name + "_sin", Wave::sine)};
}

Var rotate_block(const BlockContext& context, std::string_view hint, Var x, const Rotary& rotary) {
  Builder& builder = context.builder;
  const std::string name(hint);
  const int64_t rotated = rotary.cos.shape()[3];
  const int64_t rest = x.shape()[3] - rotated;
  const auto split = [&](const std::string& parts, Var value, std::vector<int64_t> sizes) {
    return builder.add_all("split", parts, 2,
                           {{"x", value}, {"split_sizes", std::move(sizes)}, {"axis", 3}});
  };
  const auto join = [&](const std::string& joined, Var a, Var b) {
    return builder.add("concat", joined,
                       {{"values", std::vector{a, b}}, {"axis", 3}, {"interleave", false}});
  };
  std::vector<Var> parts{x};
  if (rest > 0) parts = split(name + "_part", x, {rotated, rest});
  const auto halves = split(name + "_half", parts[0], {rotated / 2, rotated / 2});
  const Var turned = join(name + "_turned", halves[1], halves[0]);
  const Var along = builder.add("mul", name + "_along", {{"x", parts[0]}, {"y", rotary.cos}});
  const Var across = builder.add("mul", name + "_across", {{"x", turned}, {"y", rotary.sin}});
  const Var result = builder.add("add", hint, {{"x", along}, {"y", across}});
  return rest > 0 ? join(name + "_whole", result, parts[1]) : result;
}

}  // namespace anemone::models
