#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// Of choices: 1.0 when the likeliest is right. Of a continuation: 1 when it is the greedy one.
Result<Value> score(const ScoredDocument& document, const Value&) {
  if (document.choices.empty()) return Value(document.responses[0].greedy ? 1 : 0);
  return likeliest_is_right(document, [](const std::string&) -> size_t { return 1; });
}

}  // namespace

Metric acc_metric() {
  return {.name = "acc",
          .aggregation = "mean",
          .output_types = static_cast<uint8_t>(output_bit(OutputType::loglikelihood) |
                                               output_bit(OutputType::multiple_choice)),
          .score = score};
}

}  // namespace anemone::eval
