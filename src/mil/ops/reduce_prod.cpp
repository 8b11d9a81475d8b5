#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double product = 1;
  for (const double value : values) product *= value;
  return product;
}

}  // namespace

extern constinit const OpDef k_reduce_prod{.name = "reduce_prod",
                                           .parameters = kReduceParameters,
                                           .infer = infer_reduce,
                                           .eval = eval_reduce<reduce>,
                                           .doc = "The product along axes, in fp64."};

}  // namespace anemone::mil
