#include "serve/log_probabilities.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "anemone/language_model.h"

namespace anemone::serve {

Result<TokenLogprobs> log_probabilities(std::span<const float> logits, int32_t token, int64_t top) {
  ANEMONE_TRY(const int32_t best, lm::best_token(logits));
  ANEMONE_TRY(const lm::TokenScore score, lm::score_token(logits, best));
  const double highest = logits[static_cast<size_t>(best)];
  const auto log_probability = [&](int32_t id) {
    const double logit = logits[static_cast<size_t>(id)];
    return std::isinf(logit) ? kNoProbability : logit - highest + score.log_probability;
  };
  TokenLogprobs told{token, log_probability(token), {}};
  const auto count = std::min(static_cast<size_t>(std::max<int64_t>(top, 0)), logits.size());
  std::vector<int32_t> ids;
  if (count == 1) {
    ids.push_back(best);
  } else if (count > 1) {
    ids.resize(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    const auto middle = ids.begin() + static_cast<ptrdiff_t>(count);
    std::partial_sort(ids.begin(), middle, ids.end(), [&](int32_t a, int32_t b) {
      const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    });
    ids.erase(middle, ids.end());
  }
  for (const int32_t id : ids) told.top.push_back({id, log_probability(id)});
  return told;
}

}  // namespace anemone::serve
