#include <cmath>
#include <limits>

#include "mil/ops/pool.h"

namespace anemone::mil {
namespace {

double largest(const Pooled& pooled) {
  double best = -std::numeric_limits<double>::infinity();
  for (const double value : pooled.elements)
    if (value > best || std::isnan(value)) best = value;
  return best;
}

}  // namespace

extern constinit const OpDef k_max_pool{
    .name = "max_pool",
    .parameters = kPlainPoolParameters,
    .infer = infer_pool,
    .eval = eval_pool<largest>,
    .doc =
        "The largest element under each window, padding left out; "
        "NaN when any is."};

}  // namespace anemone::mil
