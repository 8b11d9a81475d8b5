#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// Right and likeliest choice; their correlation needs all documents.
Result<Value> score(const ScoredDocument& document, const Value&) {
  return right_and_likeliest(document);
}

}  // namespace

Metric mcc_metric() {
  return {.name = "mcc",
          .aggregation = "matthews_corrcoef",
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
