#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

}  // namespace

extern constinit const OpDef k_reduce_sum{.name = "reduce_sum",
                                          .parameters = kReduceParameters,
                                          .infer = infer_reduce,
                                          .eval = eval_reduce<reduce>,
                                          .doc = "The sum along axes, in fp64."};

}  // namespace anemone::mil
