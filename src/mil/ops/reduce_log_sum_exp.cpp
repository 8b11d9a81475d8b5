#include <cmath>
#include <limits>

#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

double reduce(std::span<const double> values) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const double value : values) largest = std::fmax(largest, value);
  if (std::isinf(largest)) return largest;
  double sum = 0;
  for (const double value : values) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

}  // namespace

extern constinit const OpDef k_reduce_log_sum_exp{
    .name = "reduce_log_sum_exp",
    .parameters = kReduceParameters,
    .infer = infer_reduce,
    .eval = eval_reduce<reduce>,
    .doc = "The logarithm of the sum of exponentials along axes, without overflow."};

}  // namespace anemone::mil
