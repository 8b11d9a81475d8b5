#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// The likeliest choice per UTF-8 byte of its text.
Result<Value> score(const ScoredDocument& document, const Value&) {
  return likeliest_is_right(document, [](const std::string& choice) { return choice.size(); });
}

}  // namespace

Metric acc_bytes_metric() {
  return {.name = "acc_bytes",
          .aggregation = "mean",
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
