#include <cmath>

#include "mil/ops/axes.h"
#include "mil/ops/inference.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

constexpr size_t kNormalizedAxes = 3;

enum : size_t { kX, kEpsilon };
constexpr Parameter kParameters[] = {
    {"x", kFloat}, {"epsilon", kFloat, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() < kNormalizedAxes)
    return violates("c1", "x has rank {}, expected at least {}", x.rank(), kNormalizedAxes);
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const double epsilon = in.number(kEpsilon, round_to(in.dtype(kX), 1e-6));
  const size_t rank = x.shape().rank();
  AxisSet axes(rank, false);
  for (size_t axis = rank - kNormalizedAxes; axis < rank; ++axis) axes[axis] = true;
  const Groups groups = group_along(x.shape(), axes);
  for (size_t g = 0; g < groups.starts.size(); ++g) {
    const std::vector<double> values = read_group(x, groups, g);
    double squares = 0;
    for (const double value : values) squares += value * value;
    const double norm = std::sqrt(squares + epsilon);
    for (size_t i = 0; i < values.size(); ++i)
      outputs[0].set(groups.starts[g] + groups.members[i], values[i] / norm);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_l2_norm{
    .name = "l2_norm",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "x / sqrt(sum of squares + epsilon) over the last three axes, summed in fp64; epsilon "
        "is 1e-6 by default."};

}  // namespace anemone::mil
