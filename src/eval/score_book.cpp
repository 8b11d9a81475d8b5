#include "eval/score_book.h"

#include <utility>

#include "base/check.h"

namespace anemone::eval {

ScoredToken ScoreBook::score(std::span<const float> row, int32_t token) {
  const auto scored = lm::score_token(row, token);
  if (scored.ok()) return {*scored, -1};
  const std::lock_guard lock(mutex_);
  errors_.push_back(scored.error());
  return {{}, static_cast<int32_t>(errors_.size() - 1)};
}

void ScoreBook::read_end(std::span<const float> row, uint32_t index) {
  const TokenTree::Node& node = tree_.node(index);
  for (uint32_t at = node.first_child; at != TokenTree::kNone; at = tree_.node(at).next) {
    const TokenTree::Node& child = tree_.node(at);
    if (!tree_.scores_first_token(child)) continue;
    const ScoredToken scored = score(row, tree_.token(child, child.begin));
    const std::lock_guard lock(mutex_);
    first_scores_[at] = scored;
  }
  if (!node.generates) return;
  auto best = lm::best_token(row);
  const std::lock_guard lock(mutex_);
  first_generated_.insert_or_assign(index, std::move(best));
}

ScoredToken ScoreBook::first_score(uint32_t node) const {
  const std::lock_guard lock(mutex_);
  const auto found = first_scores_.find(node);
  if (found != first_scores_.end()) return found->second;
  ANEMONE_CHECK(!tree_.scores_first_token(tree_.node(node)), "a row was read where one is scored");
  return {};
}

Result<int32_t> ScoreBook::take_generated(uint32_t node) {
  const auto found = first_generated_.find(node);
  ANEMONE_CHECK(found != first_generated_.end(), "a row was read where a text is generated");
  return first_generated_.extract(found).mapped();
}

}  // namespace anemone::eval
