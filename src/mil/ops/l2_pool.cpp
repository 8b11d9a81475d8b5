#include <cmath>

#include "mil/ops/pool.h"

namespace anemone::mil {
namespace {

Inferred infer(const Operands& in, size_t outputs) {
  const size_t rank = in.shape(kPoolX).rank();
  constexpr size_t kHighestRank = 4;
  if (rank > kHighestRank) return violates("c1", "x has rank {}, expected 3 or 4", rank);
  return infer_pool(in, outputs);
}

double norm(const Pooled& pooled) {
  double squares = 0;
  for (const double value : pooled.elements) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

extern constinit const OpDef k_l2_pool{
    .name = "l2_pool",
    .parameters = kPlainPoolParameters,
    .infer = infer,
    .eval = eval_pool<norm>,
    .doc = "The square root of the sum of squares under each window, summed in fp64."};

}  // namespace anemone::mil
