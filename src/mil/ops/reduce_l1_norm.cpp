#include <cmath>

#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += std::fabs(value);
  return sum;
}

}  // namespace

extern constinit const OpDef k_reduce_l1_norm{
    .name = "reduce_l1_norm",
    .parameters = kReduceParameters,
    .infer = infer_reduce,
    .eval = eval_reduce<reduce>,
    .doc = "The sum of absolute values along axes, in fp64."};

}  // namespace anemone::mil
