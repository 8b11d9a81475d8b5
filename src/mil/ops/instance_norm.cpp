#include <cmath>

#include "mil/ops/axes.h"
#include "mil/ops/channels.h"
#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"
#include "mil/ops/moments.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kGamma, kBeta, kEpsilon };
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"gamma", kFloat, Presence::optional, BindingRule::constant},
    {"beta", kFloat, Presence::optional, BindingRule::constant},
    {"epsilon", kFloat, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() < 3 || x.rank() > 4)
    return violates("c1", "x has rank {}, expected 3 or 4", x.rank());
  for (size_t p = kGamma; p <= kBeta; ++p) {
    if (const auto wrong = channel_vector(in, p, x, kParameters[p].name, "c2")) return *wrong;
    if (const auto wrong = mixed_dtype(in, p, kParameters[p].name, "c3")) return *wrong;
  }
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor* gamma = in.value(kGamma);
  const Tensor* beta = in.value(kBeta);
  const double epsilon = in.number(kEpsilon, round_to(in.dtype(kX), 1e-5));
  AxisSet spatial(x.shape().rank(), true);
  spatial[0] = spatial[1] = false;
  const Groups groups = group_along(x.shape(), spatial);
  for (size_t g = 0; g < groups.starts.size(); ++g) {
    const std::vector<double> values = read_group(x, groups, g);
    const auto [mean, variance] = moments_of(values);
    const double deviation = std::sqrt(variance + epsilon);
    const int64_t channel = static_cast<int64_t>(g) % x.shape()[1];
    const double scale = gamma != nullptr ? gamma->at(channel) : 1;
    const double shift = beta != nullptr ? beta->at(channel) : 0;
    for (size_t i = 0; i < values.size(); ++i)
      outputs[0].set(groups.starts[g] + groups.members[i],
                     (values[i] - mean) / deviation * scale + shift);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_instance_norm{
    .name = "instance_norm",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "gamma * (x - mean) / sqrt(variance + epsilon) + beta over the spatial axes of each "
        "channel of each batch, in fp64 and rounded once; epsilon is 1e-5 by default."};

}  // namespace anemone::mil
