#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

}  // namespace

extern constinit const OpDef k_reduce_sum_square{.name = "reduce_sum_square",
                                                 .parameters = kReduceParameters,
                                                 .infer = infer_reduce,
                                                 .eval = eval_reduce<reduce>,
                                                 .doc = "The sum of squares along axes, in fp64."};

}  // namespace anemone::mil
