#include <cmath>
#include <limits>

#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double best = std::numeric_limits<double>::infinity();
  for (const double value : values)
    if (value < best || std::isnan(value)) best = value;
  return best;
}

}  // namespace

extern constinit const OpDef k_reduce_min{
    .name = "reduce_min",
    .parameters = kReduceParameters,
    .infer = infer_reduce,
    .eval = eval_reduce<reduce>,
    .doc = "The smallest element along axes; NaN when any is; infinity of nothing."};

}  // namespace anemone::mil
