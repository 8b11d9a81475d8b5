#include <cmath>

#include "mil/ops/channels.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAlpha };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"alpha", kFloat, Presence::required, BindingRule::constant}};

/// Core ML runs other ranks than 4 as a leaky_relu.
bool is_uniform(const Tensor& alpha) {
  constexpr double kTolerance = 1e-5;  // as coremltools compares
  for (int64_t i = 1; i < alpha.element_count(); ++i)
    if (std::fabs(alpha.at(i) - alpha.at(0)) > kTolerance) return false;
  return true;
}

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() < 3 || x.rank() > 5)
    return violates("c1", "x has rank {}, expected 3 to 5", x.rank());
  if (const auto wrong = channel_vector(in, kAlpha, x, "alpha", "c2")) return *wrong;
  const Tensor* alpha = in.value(kAlpha);
  if (x.rank() != 4 && alpha != nullptr && !is_uniform(*alpha))
    return violates("c3", "alpha differs between channels, which takes an x of rank 4, not {}",
                    x.rank());
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& alpha = *in.value(kAlpha);
  for (int64_t i = 0; i < x.element_count(); ++i) {
    const double value = x.at(i);
    outputs[0].set(i, value < 0 ? alpha.at(channel_of(x.shape(), i)) * value : value);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_prelu{
    .name = "prelu",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "x where x >= 0, else alpha * x, with one alpha for each channel (axis 1)."};

}  // namespace anemone::mil
