#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "eval/metrics.h"
#include "eval/numpy.h"

namespace anemone::eval {
namespace {

/// The right choice and the probability of each, by softmax of their log-likelihoods.
Result<Value> score(const ScoredDocument& document, const Value&) {
  if (document.multiple_target || document.gold.size() != 1)
    return fail(ErrorCode::mismatch, "brier_score: a list of right choices, expected one");
  std::vector<double> values;
  for (const Response& answer : document.conditional()) values.push_back(answer.log_likelihood);
  const double most = *std::max_element(values.begin(), values.end());
  for (double& value : values) value = std::exp(value - most);
  const double all = numpy::sum(values);
  for (double& value : values) value /= all;
  return Value::array({document.gold[0], values});
}

}  // namespace

Metric brier_score_metric() {
  return {.name = "brier_score",
          .aggregation = "brier_score",
          .higher_is_better = false,
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
