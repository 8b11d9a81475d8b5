#include "mil/ops/pool.h"

namespace anemone::mil {
namespace {

double sum(const Pooled& pooled) {
  double total = 0;
  for (const double value : pooled.elements) total += value;
  return total;
}

double mean_with_padding(const Pooled& pooled) {
  return sum(pooled) / static_cast<double>(pooled.padded_count);
}

double mean_of_elements(const Pooled& pooled) {
  return sum(pooled) / static_cast<double>(pooled.elements.size());
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const bool exclude_padding = in.boolean(kPoolExcludePadding, false);
  pool_windows(in, outputs[0], exclude_padding ? mean_of_elements : mean_with_padding);
  return {};
}

}  // namespace

extern constinit const OpDef k_avg_pool{
    .name = "avg_pool",
    .parameters = kPoolParameters,
    .infer = infer_pool,
    .eval = eval,
    .doc =
        "The mean under each window, summed in fp64; padding counts as zeros, or not at all "
        "with exclude_padding_from_average."};

}  // namespace anemone::mil
