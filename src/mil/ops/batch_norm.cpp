#include <cmath>

#include "mil/ops/channels.h"
#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kMean, kVariance, kGamma, kBeta, kEpsilon };
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"mean", kFloat, Presence::required, BindingRule::constant},
    {"variance", kFloat, Presence::required, BindingRule::constant},
    {"gamma", kFloat, Presence::optional, BindingRule::constant},
    {"beta", kFloat, Presence::optional, BindingRule::constant},
    {"epsilon", kFloat, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() < 3 || x.rank() > 5)
    return violates("c1", "x has rank {}, expected 3 to 5", x.rank());
  for (size_t p = kMean; p <= kBeta; ++p) {
    if (const auto wrong = channel_vector(in, p, x, kParameters[p].name, "c2")) return *wrong;
    if (const auto wrong = mixed_dtype(in, p, kParameters[p].name, "c3")) return *wrong;
  }
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& mean = *in.value(kMean);
  const Tensor& variance = *in.value(kVariance);
  const Tensor* gamma = in.value(kGamma);
  const Tensor* beta = in.value(kBeta);
  const double epsilon = in.number(kEpsilon, round_to(in.dtype(kX), 1e-5));
  for (int64_t i = 0; i < x.element_count(); ++i) {
    const int64_t channel = channel_of(x.shape(), i);
    const double scale = gamma != nullptr ? gamma->at(channel) : 1;
    const double shift = beta != nullptr ? beta->at(channel) : 0;
    const double deviation = std::sqrt(variance.at(channel) + epsilon);
    outputs[0].set(i, (x.at(i) - mean.at(channel)) / deviation * scale + shift);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_batch_norm{
    .name = "batch_norm",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "gamma * (x - mean) / sqrt(variance + epsilon) + beta with one of each for every "
        "channel (axis 1); epsilon is 1e-5 by default."};

}  // namespace anemone::mil
