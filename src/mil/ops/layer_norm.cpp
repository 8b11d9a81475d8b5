#include <cmath>

#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"
#include "mil/ops/moments.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxes, kGamma, kBeta, kEpsilon };
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"axes", kInt32, Presence::optional, BindingRule::constant},
    {"gamma", kFloat, Presence::optional, BindingRule::constant},
    {"beta", kFloat, Presence::optional, BindingRule::constant},
    {"epsilon", kFloat, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const auto axes = read_axes(in, kAxes, x.rank(), "c1");
  if (const auto* violation = std::get_if<Violation>(&axes)) return *violation;
  Shape normalized;
  for (size_t axis = 0; axis < x.rank(); ++axis)
    if (std::get<AxisSet>(axes)[axis]) normalized.push_back(x[axis]);
  if (in.has(kGamma) && !shapes_agree(in.shape(kGamma), normalized))
    return violates("c2", "gamma is {}, expected {}, the axes of x that are normalised",
                    in.shape(kGamma).to_string(), normalized.to_string());
  if (in.has(kBeta) && !shapes_agree(in.shape(kBeta), normalized))
    return violates("c3", "beta is {}, expected {}, the axes of x that are normalised",
                    in.shape(kBeta).to_string(), normalized.to_string());
  if (const auto wrong = mixed_dtype(in, kGamma, "gamma", "c4")) return *wrong;
  if (const auto wrong = mixed_dtype(in, kBeta, "beta", "c4")) return *wrong;
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor* gamma = in.value(kGamma);
  const Tensor* beta = in.value(kBeta);
  const double epsilon = in.number(kEpsilon, round_to(in.dtype(kX), 1e-5));
  const auto axes = read_axes(in, kAxes, x.shape().rank(), "c1");
  const Groups groups = group_along(x.shape(), std::get<AxisSet>(axes));
  for (size_t g = 0; g < groups.starts.size(); ++g) {
    const std::vector<double> values = read_group(x, groups, g);
    const auto [mean, variance] = moments_of(values);
    const double deviation = std::sqrt(variance + epsilon);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto member = static_cast<int64_t>(i);
      const double scale = gamma != nullptr ? gamma->at(member) : 1;
      const double shift = beta != nullptr ? beta->at(member) : 0;
      outputs[0].set(groups.starts[g] + groups.members[i],
                     (values[i] - mean) / deviation * scale + shift);
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_layer_norm{
    .name = "layer_norm",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "gamma * (x - mean) / sqrt(variance + epsilon) + beta over axes, in fp64 and rounded "
        "once; the variance is the biased one, epsilon is 1e-5 by default."};

}  // namespace anemone::mil
