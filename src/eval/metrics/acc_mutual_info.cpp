#include "base/error.h"
#include "eval/arg_max.h"
#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// The choice that the context makes likelier by most.
Result<Value> score(const ScoredDocument& document, const Value&) {
  const auto conditional = document.conditional();
  const auto unconditional = document.unconditional();
  if (conditional.size() != unconditional.size())
    return fail(ErrorCode::mismatch, "{} log-likelihoods with and {} without context",
                conditional.size(), unconditional.size());
  std::vector<double> values;
  for (size_t i = 0; i < conditional.size(); ++i)
    values.push_back(conditional[i].log_likelihood - unconditional[i].log_likelihood);
  // With a list of right choices the harness compares a number with a list, which is never equal.
  const bool right = !document.multiple_target && document.is_gold(arg_max<double>(values));
  return Value(right ? 1.0 : 0.0);
}

}  // namespace

Metric acc_mutual_info_metric() {
  return {.name = "acc_mutual_info",
          .aggregation = "mean",
          .output_types = output_bit(OutputType::multiple_choice),
          .score = score};
}

}  // namespace anemone::eval
