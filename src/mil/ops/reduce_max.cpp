#include <cmath>
#include <limits>

#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double best = -std::numeric_limits<double>::infinity();
  for (const double value : values)
    if (value > best || std::isnan(value)) best = value;
  return best;
}

}  // namespace

extern constinit const OpDef k_reduce_max{
    .name = "reduce_max",
    .parameters = kReduceParameters,
    .infer = infer_reduce,
    .eval = eval_reduce<reduce>,
    .doc = "The largest element along axes; NaN when any is; minus infinity of nothing."};

}  // namespace anemone::mil
