#include <algorithm>
#include <cmath>
#include <limits>

#include "mil/ops/axes.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxis };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"axis", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const int64_t axis = in.integer(kAxis, -1);
  const Shape& x = in.shape(kX);
  if (!axis_from_front(axis, x.rank()))
    return violates("c1", "axis {} is outside the {} axes of x", axis, x.rank());
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const size_t rank = x.shape().rank();
  const size_t axis = *axis_from_front(in.integer(kAxis, -1), rank);
  const Groups groups = group_along(x.shape(), only_axis(axis, rank));
  for (size_t g = 0; g < groups.starts.size(); ++g) {
    std::vector<double> values = read_group(x, groups, g);
    double largest = -std::numeric_limits<double>::infinity();
    for (const double value : values) largest = std::max(largest, value);
    double sum = 0;
    for (double& value : values) sum += value = std::exp(value - largest);
    for (size_t i = 0; i < values.size(); ++i)
      outputs[0].set(groups.starts[g] + groups.members[i], values[i] / sum);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_softmax{
    .name = "softmax",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "exp(x) divided by its sum along axis, in fp64 and rounded "
        "once; NaN where all of x is minus infinity."};

}  // namespace anemone::mil
