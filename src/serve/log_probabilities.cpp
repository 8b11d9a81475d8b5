#include "serve/log_probabilities.h"

#include <algorithm>
#include <cmath>

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
  const auto likelier = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::vector<int32_t> ids;  // a heap, the least likely first
  for (int32_t id = 0; count > 0 && id < static_cast<int32_t>(logits.size()); ++id) {
    if (ids.size() == count) {
      if (!likelier(id, ids.front())) continue;
      std::ranges::pop_heap(ids, likelier);
      ids.pop_back();
    }
    ids.push_back(id);
    std::ranges::push_heap(ids, likelier);
  }
  std::ranges::sort_heap(ids, likelier);
  for (const int32_t id : ids) told.top.push_back({id, log_probability(id)});
  return told;
}

}  // namespace anemone::serve
