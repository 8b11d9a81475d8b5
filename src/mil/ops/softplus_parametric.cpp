#include <cmath>

#include "mil/ops/channels.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAlpha, kBeta };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"alpha", kFloat, Presence::required, BindingRule::constant},
                                     {"beta", kFloat, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() < 3) return violates("c1", "x has rank {}, expected at least 3", x.rank());
  if (const auto wrong = channel_vector(in, kAlpha, x, "alpha", "c2")) return *wrong;
  if (const auto wrong = channel_vector(in, kBeta, x, "beta", "c3")) return *wrong;
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& alpha = *in.value(kAlpha);
  const Tensor& beta = *in.value(kBeta);
  for (int64_t i = 0; i < x.element_count(); ++i) {
    const int64_t channel = channel_of(x.shape(), i);
    const double z = beta.at(channel) * x.at(i);
    outputs[0].set(i, alpha.at(channel) * (std::log1p(std::exp(-std::fabs(z))) + std::fmax(z, 0)));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_softplus_parametric{
    .name = "softplus_parametric",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "alpha * log(1 + exp(beta * x)), with one alpha and beta for each channel (axis 1)."};

}  // namespace anemone::mil
