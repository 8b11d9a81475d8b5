#pragma once

#include <cstdint>
#include <span>

#include "anemone/result.h"

namespace anemone::eval {

/// Log-probability of a token, natural logarithm, and whether it is the first arg max.
struct TokenScore {
  double log_probability = 0;
  bool greedy = false;
};

/// The softmax of one row of logits. Sums in double.
class LogitsRow {
 public:
  /// Keeps a view of `logits`. Errors: mismatch (NaN among the logits, infinite ones).
  static Result<LogitsRow> of(std::span<const float> logits);

  /// Errors: out_of_range (no such token), mismatch (it has no probability).
  Result<TokenScore> score(int32_t token) const;

  /// The first arg max.
  int32_t best() const { return best_; }

 private:
  std::span<const float> logits_;
  int32_t best_ = 0;
  double highest_ = 0;
  double log_sum_ = 0;  ///< of the exponentials, relative to the highest.
};

/// The first arg max. Errors: mismatch (NaN among the logits).
Result<int32_t> best_token(std::span<const float> logits);

}  // namespace anemone::eval
