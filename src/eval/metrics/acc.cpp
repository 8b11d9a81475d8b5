#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// Of choices: 1.0 when the likeliest is right. Of a continuation: 1 when it is the greedy one.
Result<Value> score(const ScoredDocument& document, const Value&) {
  if (document.choices.empty()) return Value(document.responses[0].greedy ? 1 : 0);
  std::vector<double> values;
  for (const Response& response : document.conditional()) values.push_back(response.log_likelihood);
  return Value(document.is_gold(arg_max(values)) ? 1.0 : 0.0);
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
