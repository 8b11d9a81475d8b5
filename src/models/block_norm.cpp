#include <algorithm>

#include "models/blocks.h"

namespace anemone::models {
namespace {

/// The smallest that fp16 holds: without any epsilon a row of zeros would give NaN.
constexpr double kLeastEpsilonFp16 = 0x1p-24;

}  // namespace

/// RMS as the layer norm of [x, -x]: its mean is 0 and its variance mean(x^2), and no square ever
/// becomes a value of the program that could overflow.
Var norm_block(const BlockContext& context, std::string_view hint, const Norm& norm, Var x,
               size_t axis, double input_scale, double output_scale) {
  Builder& builder = context.builder;
  const std::string name(hint);
  const auto along = static_cast<int64_t>(axis);
  const int64_t size = x.shape()[axis];
  double epsilon = norm.epsilon * input_scale * input_scale;
  if (context.spec.dtype == DType::fp16) epsilon = std::max(epsilon, kLeastEpsilonFp16);
  WeightRef gain = norm.weight;
  gain.scale *= output_scale;
  std::optional<WeightRef> bias = norm.bias;
  if (bias) bias->scale *= output_scale;

  if (norm.kind == Norm::Kind::layer) {
    Builder::Arguments arguments{{"x", x},
                                 {"axes", std::vector<int64_t>{along}},
                                 {"gamma", context.vector(name + "_gain", gain, {size})},
                                 {"epsilon", context.scalar(epsilon)}};
    if (bias) arguments.emplace_back("beta", context.vector(name + "_bias", *bias, {size}));
    return builder.add("layer_norm", hint, arguments);
  }
  const Var negative =
      builder.add("mul", name + "_negative", {{"x", x}, {"y", context.scalar(-1)}});
  const Var both =
      builder.add("concat", name + "_both",
                  {{"values", std::vector{x, negative}}, {"axis", along}, {"interleave", false}});
  const Var normal = builder.add(
      "layer_norm", name + "_normal",
      {{"x", both}, {"axes", std::vector<int64_t>{along}}, {"epsilon", context.scalar(epsilon)}});
  const Var half = builder.add_all("split", name + "_half", 2,
                                   {{"x", normal}, {"num_splits", 2}, {"axis", along}})[0];
  Shape broadcast{1, 1, 1, 1};
  broadcast[axis] = size;
  const Var scaled = builder.add(
      "mul", hint, {{"x", half}, {"y", context.vector(name + "_gain", gain, broadcast)}});
  if (!bias) return scaled;
  return builder.add("add", name + "_shifted",
                     {{"x", scaled}, {"y", context.vector(name + "_bias", *bias, broadcast)}});
}

}  // namespace anemone::models
