#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

extern constinit const OpDef k_reduce_mean{.name = "reduce_mean",
                                           .parameters = kReduceParameters,
                                           .infer = infer_reduce,
                                           .eval = eval_reduce<reduce>,
                                           .doc = "The mean along axes, summed in fp64."};

}  // namespace anemone::mil
