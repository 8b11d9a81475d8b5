#include "calibrate/divergence.h"

#include <cmath>
#include <vector>

#include "base/error.h"

namespace anemone::calibrate {
namespace {

/// What a model says of the next token.
struct Row {
  std::vector<double> log_probabilities;
  int32_t best = 0;
};

Result<Row> row_of(std::span<const float> logits, int32_t target) {
  Row row;
  ANEMONE_TRY(row.best, lm::best_token(logits));
  const auto highest = static_cast<double>(logits[static_cast<size_t>(row.best)]);
  if (std::isinf(highest))
    return fail(ErrorCode::out_of_range, "the model's logits are infinite, first at token {}",
                row.best);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  const double shift = highest + std::log(sum);
  row.log_probabilities.reserve(logits.size());
  for (const float logit : logits)
    row.log_probabilities.push_back(static_cast<double>(logit) - shift);
  if (std::isinf(row.log_probabilities[static_cast<size_t>(target)]))
    return fail(ErrorCode::out_of_range, "the model gives token {} no probability", target);
  return row;
}

}  // namespace

Status add_token(std::span<const float> dense, std::span<const float> compressed, int32_t target,
                 Comparison& sums) {
  ANEMONE_TRY(const Row before, row_of(dense, target));
  ANEMONE_TRY(const Row after, row_of(compressed, target));
  double divergence = 0;
  for (size_t i = 0; i < dense.size(); ++i) {
    const double was = before.log_probabilities[i];
    if (std::isinf(was)) continue;
    const double is = after.log_probabilities[i];
    if (std::isinf(is))
      return fail(ErrorCode::out_of_range,
                  "the compressed model gives token {} no probability, the model before e^{:.1f}",
                  i, was);
    divergence += std::exp(was) * (was - is);
  }
  ++sums.tokens;
  sums.dense_loss -= before.log_probabilities[static_cast<size_t>(target)];
  sums.loss -= after.log_probabilities[static_cast<size_t>(target)];
  sums.top1_agreement += before.best == after.best;
  sums.kl_divergence += divergence;
  return {};
}

}  // namespace anemone::calibrate
