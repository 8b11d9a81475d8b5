#include "eval/metrics.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// The likeliest choice per code point of its text.
Result<Value> score(const ScoredDocument& document, const Value&) {
  return likeliest_is_right(document,
                            [](const std::string& choice) { return python::length(choice); });
}

}  // namespace

Metric acc_norm_metric() {
  return {.name = "acc_norm",
          .aggregation = "mean",
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
