#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// Right and likeliest choice; their F1 needs all documents.
Result<Value> score(const ScoredDocument& document, const Value&) {
  return right_and_likeliest(document);
}

}  // namespace

Metric f1_metric() {
  return {.name = "f1",
          .aggregation = "f1",
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
