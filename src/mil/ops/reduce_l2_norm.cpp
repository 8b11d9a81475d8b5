#include <cmath>

#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

}  // namespace

extern constinit const OpDef k_reduce_l2_norm{
    .name = "reduce_l2_norm",
    .parameters = kReduceParameters,
    .infer = infer_reduce,
    .eval = eval_reduce<reduce>,
    .doc = "The square root of the sum of squares along axes, summed in fp64."};

}  // namespace anemone::mil
