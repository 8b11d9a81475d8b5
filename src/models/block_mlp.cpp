#include "base/check.h"
#include "models/blocks.h"

namespace anemone::models {
namespace {

Var activate(const BlockContext& context, Activation activation, Var x) {
  Builder& builder = context.builder;
  switch (activation) {
    case Activation::silu:
      return builder.add("silu", "act", {{"x", x}});
    case Activation::gelu:
      return builder.add("gelu", "act", {{"x", x}, {"mode", "EXACT"}});
    case Activation::gelu_tanh:
      return builder.add("gelu", "act", {{"x", x}, {"mode", "TANH_APPROXIMATION"}});
    case Activation::relu:
      return builder.add("relu", "act", {{"x", x}});
  }
  ANEMONE_CHECK(false, "every activation has an operation");
}

}  // namespace

Var mlp_block(const BlockContext& context, const Mlp& mlp, Var x, double factor) {
  const Builder::NameScope scope(context.builder, "mlp");
  Var inner = linear_block(context, mlp.gate ? "gate" : "up", mlp.gate ? *mlp.gate : mlp.up, x);
  inner = activate(context, mlp.activation, inner);
  if (mlp.gate) {
    const Var up = linear_block(context, "up", mlp.up, x);
    inner = context.builder.add("mul", "gated", {{"x", inner}, {"y", up}});
  }
  return linear_block(context, "down", mlp.down, inner, factor);
}

}  // namespace anemone::models
