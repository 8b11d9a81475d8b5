#include "eval/metrics.h"

namespace anemone::eval {
namespace {

Result<Value> score(const ScoredDocument& document, const Value&) {
  return weighted(document.responses[0], document.text.size());
}

}  // namespace

Metric bits_per_byte_metric() {
  return {.name = "bits_per_byte",
          .aggregation = "bits_per_byte",
          .higher_is_better = false,
          .output_types = output_bit(OutputType::loglikelihood_rolling),
          .score = score};
}

}  // namespace anemone::eval
