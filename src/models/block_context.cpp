#include "models/blocks.h"

namespace anemone::models {
namespace {

Var deferred(const BlockContext& context, std::string_view hint, const WeightRef& ref, DType dtype,
             const Shape& shape) {
  const std::string path = std::string(kCheckpointPath) + context.weights.add(ref, dtype, shape);
  return context.builder.deferred(hint, path, dtype, shape);
}

}  // namespace

Var BlockContext::times(std::string_view hint, Var x, double factor) const {
  if (factor == 1) return x;
  return builder.add("mul", hint, {{"x", x}, {"y", scalar(factor)}});
}

Var BlockContext::reshape(std::string_view hint, Var x, const Shape& shape) const {
  if (x.shape() == shape) return x;
  return builder.add("reshape", hint,
                     {{"x", x}, {"shape", std::vector<int64_t>(shape.begin(), shape.end())}});
}

Var BlockContext::vector(std::string_view hint, const WeightRef& ref, const Shape& shape) const {
  return deferred(*this, hint, ref, spec.dtype, shape);
}

Var BlockContext::matrix(std::string_view hint, const WeightRef& ref, const Shape& shape) const {
  return deferred(*this, hint, ref, spec.weight_dtype ? spec.weight_dtype(ref) : spec.dtype, shape);
}

Var linear_block(const BlockContext& context, std::string_view hint, const Linear& linear, Var x,
                 double factor) {
  const std::string name(hint);
  WeightRef weight = linear.weight;
  weight.scale *= factor;
  Builder::Arguments arguments{
      {"x", x},
      {"weight", context.matrix(name + "_weight", weight, {linear.out, linear.in, 1, 1})},
      {"strides", std::vector<int64_t>{1, 1}},
      {"pad_type", "valid"},
      {"pad", std::vector<int64_t>{0, 0, 0, 0}},
      {"dilations", std::vector<int64_t>{1, 1}},
      {"groups", 1}};
  if (linear.bias) {
    WeightRef bias = *linear.bias;
    bias.scale *= factor;
    arguments.emplace_back("bias", context.vector(name + "_bias", bias, {linear.out}));
  }
  return context.builder.add("conv", hint, arguments);
}

}  // namespace anemone::models
