#include "eval/metrics.h"

namespace anemone::eval {
namespace {

Result<Value> score(const ScoredDocument& document, const Value&) {
  return Value(document.responses[0].log_likelihood);
}

}  // namespace

Metric perplexity_metric() {
  return {.name = "perplexity",
          .aggregation = "perplexity",
          .higher_is_better = false,
          .output_types = output_bit(OutputType::loglikelihood),
          .score = score};
}

}  // namespace anemone::eval
