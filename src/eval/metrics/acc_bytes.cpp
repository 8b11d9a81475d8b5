#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// The likeliest choice per UTF-8 byte of its text.
Result<Value> score(const ScoredDocument& document, const Value&) {
  std::vector<double> values;
  for (size_t i = 0; i < document.choices.size(); ++i)
    values.push_back(document.conditional()[i].log_likelihood /
                     static_cast<double>(document.choices[i].size()));
  return Value(document.is_gold(arg_max(values)) ? 1.0 : 0.0);
}

}  // namespace

Metric acc_bytes_metric() {
  return {.name = "acc_bytes",
          .aggregation = "mean",
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
