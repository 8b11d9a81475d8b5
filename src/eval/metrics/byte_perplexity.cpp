#include "eval/metrics.h"

namespace anemone::eval {
namespace {

Result<Value> score(const ScoredDocument& document, const Value&) {
  return weighted(document.responses[0], document.text.size());
}

}  // namespace

Metric byte_perplexity_metric() {
  return {.name = "byte_perplexity",
          .aggregation = "weighted_perplexity",
          .higher_is_better = false,
          .output_types = output_bit(OutputType::loglikelihood_rolling),
          .score = score};
}

}  // namespace anemone::eval
