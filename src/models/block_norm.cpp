#include <algorithm>
#include <cmath>

#include "models/blocks.h"

namespace anemone::models {
namespace {

/// The smallest that fp16 holds: without any epsilon a row of zeros would give NaN.
constexpr double kLeastEpsilonFp16 = 0x1p-24;
/// From here on fp16 holds an epsilon to 3 %, by which no norm changes more than by its rounding
/// unless the squares are as small as epsilon.
constexpr double kLeastSoundEpsilonFp16 = 0x1p-20;

/// Both kinds of norms are the layer norm of [x, -x] in the end: its mean is 0 and its variance
/// mean(x^2), and no square ever becomes a value of the program that could overflow.
class NormBuilder {
 public:
  NormBuilder(const BlockContext& context, std::string_view hint, const Norm& norm, size_t axis,
              double input_scale)
      : context_(context),
        builder_(context.builder),
        name_(hint),
        axis_(static_cast<int64_t>(axis)),
        epsilon_(norm.epsilon * input_scale * input_scale) {}

  bool epsilon_is_sound() const {
    return context_.spec.dtype != DType::fp16 || epsilon_ >= kLeastSoundEpsilonFp16;
  }
  double representable_epsilon() const {
    return context_.spec.dtype == DType::fp16 ? std::max(epsilon_, kLeastEpsilonFp16) : epsilon_;
  }

  /// The native operation, gain and bias in it.
  Var layer_norm(Var x, const WeightRef& gain, const std::optional<WeightRef>& bias) const {
    const int64_t size = length_of(x);
    Builder::Arguments arguments{{"x", x},
                                 {"axes", std::vector<int64_t>{axis_}},
                                 {"gamma", context_.vector(name_ + "_gain", gain, {size})},
                                 {"epsilon", context_.scalar(representable_epsilon())}};
    if (bias) arguments.emplace_back("beta", context_.vector(name_ + "_bias", *bias, {size}));
    return builder_.add("layer_norm", name_, arguments);
  }

  /// x / sqrt(mean(x^2) + epsilon).
  Var normal(Var x) const {
    return first_of({{"x", normal_of_both(x, representable_epsilon())}, {"num_splits", 2}});
  }

  /// The same times sqrt((n + 1) / n) for n elements, with an epsilon that fp16 cannot carry as a
  /// number: sqrt(n * epsilon) is the last element, so mean(x^2) has it in it.
  Var normal_with_last(Var x) const {
    const int64_t size = length_of(x);
    const double last = std::sqrt(epsilon_ * static_cast<double>(size));
    std::vector<int64_t> pad(8, 0);
    pad[static_cast<size_t>(2 * axis_ + 1)] = 1;
    const Var longer =
        builder_.add("pad", name_ + "_with_epsilon",
                     {{"x", x},
                      {"pad", pad},
                      {"mode", "constant"},
                      {"constant_val", context_.scalar(std::max(last, kLeastEpsilonFp16))}});
    return first_of(
        {{"x", normal_of_both(longer, 0)}, {"split_sizes", std::vector<int64_t>{size, size + 2}}});
  }

  Var without_mean(Var x) const {
    const Var mean =
        builder_.add("reduce_mean", name_ + "_mean",
                     {{"x", x}, {"axes", std::vector<int64_t>{axis_}}, {"keep_dims", true}});
    return builder_.add("sub", name_ + "_centered", {{"x", x}, {"y", mean}});
  }

  Var with_gain_and_bias(Var x, const WeightRef& gain, const std::optional<WeightRef>& bias) const {
    Shape broadcast{1, 1, 1, 1};
    broadcast[static_cast<size_t>(axis_)] = length_of(x);
    const Var scaled = builder_.add(
        "mul", name_, {{"x", x}, {"y", context_.vector(name_ + "_gain", gain, broadcast)}});
    if (!bias) return scaled;
    return builder_.add("add", name_ + "_shifted",
                        {{"x", scaled}, {"y", context_.vector(name_ + "_bias", *bias, broadcast)}});
  }

  int64_t length_of(Var x) const { return x.shape()[static_cast<size_t>(axis_)]; }

 private:
  Var normal_of_both(Var x, double epsilon) const {
    const Var negative =
        builder_.add("mul", name_ + "_negative", {{"x", x}, {"y", context_.scalar(-1)}});
    const Var both = builder_.add(
        "concat", name_ + "_both",
        {{"values", std::vector{x, negative}}, {"axis", axis_}, {"interleave", false}});
    return builder_.add("layer_norm", name_ + "_normal",
                        {{"x", both},
                         {"axes", std::vector<int64_t>{axis_}},
                         {"epsilon", context_.scalar(epsilon)}});
  }

  Var first_of(Builder::Arguments arguments) const {
    arguments.emplace_back("axis", axis_);
    return builder_.add_all("split", name_ + "_half", 2, arguments)[0];
  }

  const BlockContext& context_;
  Builder& builder_;
  std::string name_;
  int64_t axis_;
  double epsilon_;
};

}  // namespace

Var norm_block(const BlockContext& context, std::string_view hint, const Norm& norm, Var x,
               size_t axis, double input_scale, double output_scale) {
  const NormBuilder builder(context, hint, norm, axis, input_scale);
  WeightRef gain = norm.weight;
  gain.scale *= output_scale;
  std::optional<WeightRef> bias = norm.bias;
  if (bias) bias->scale *= output_scale;
  const bool is_layer = norm.kind == Norm::Kind::layer;
  if (!builder.epsilon_is_sound()) {
    const auto size = static_cast<double>(builder.length_of(x));
    gain.scale *= std::sqrt(size / (size + 1));
    const Var centered = is_layer ? builder.without_mean(x) : x;
    return builder.with_gain_and_bias(builder.normal_with_last(centered), gain, bias);
  }
  if (is_layer) return builder.layer_norm(x, gain, bias);
  return builder.with_gain_and_bias(builder.normal(x), gain, bias);
}

}  // namespace anemone::models
