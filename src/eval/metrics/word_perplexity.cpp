#include "eval/metrics.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

Result<Value> score(const ScoredDocument& document, const Value&) {
  return weighted(document.responses[0], python::count_split_words(document.text));
}

}  // namespace

Metric word_perplexity_metric() {
  return {.name = "word_perplexity",
          .aggregation = "weighted_perplexity",
          .higher_is_better = false,
          .output_types = output_bit(OutputType::loglikelihood_rolling),
          .score = score};
}

}  // namespace anemone::eval
