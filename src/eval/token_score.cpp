#include "eval/token_score.h"

#include <cmath>

#include "base/error.h"
#include "eval/arg_max.h"

namespace anemone::eval {

Result<int32_t> best_token(std::span<const float> logits) {
  const size_t best = arg_max(logits);
  if (std::isnan(logits[best]))
    return fail(ErrorCode::mismatch, "the model's logit of token {} is not a number", best);
  return static_cast<int32_t>(best);
}

Result<LogitsRow> LogitsRow::of(std::span<const float> logits) {
  LogitsRow row;
  row.logits_ = logits;
  ANEMONE_TRY(row.best_, best_token(logits));
  row.highest_ = logits[static_cast<size_t>(row.best_)];
  if (std::isinf(row.highest_))
    return fail(ErrorCode::mismatch, "the model's logits are infinite, first at token {}",
                row.best_);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - row.highest_);
  row.log_sum_ = std::log(sum);
  return row;
}

Result<TokenScore> LogitsRow::score(int32_t token) const {
  if (token < 0 || static_cast<size_t>(token) >= logits_.size())
    return fail(ErrorCode::out_of_range, "token {} of {}", token, logits_.size());
  const float logit = logits_[static_cast<size_t>(token)];
  const double log_probability = static_cast<double>(logit) - highest_ - log_sum_;
  if (!std::isfinite(log_probability))
    return fail(ErrorCode::mismatch, "the model gives token {} no probability, its logit is {}",
                token, logit);
  return TokenScore{log_probability, best_ == token};
}

}  // namespace anemone::eval
