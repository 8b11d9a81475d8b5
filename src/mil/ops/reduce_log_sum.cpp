#include <cmath>

#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return std::log(sum);
}

}  // namespace

extern constinit const OpDef k_reduce_log_sum{
    .name = "reduce_log_sum",
    .parameters = kReduceParameters,
    .infer = infer_reduce,
    .eval = eval_reduce<reduce>,
    .doc = "The logarithm of the sum along axes, summed in fp64."};

}  // namespace anemone::mil
