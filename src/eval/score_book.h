#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"
#include "eval/token_tree.h"

namespace anemone::eval {

/// A token's score, or why it has none.
struct ScoredToken {
  lm::TokenScore score;
  int32_t error = -1;  ///< see ScoreBook::error.
};

/// What rows of logits said of nodes that have not run yet: their first tokens. Several threads may
/// read rows of different nodes.
class ScoreBook {
 public:
  explicit ScoreBook(const TokenTree& tree) : tree_(tree) {}

  ScoredToken score(std::span<const float> row, int32_t token);
  const Error& error(const ScoredToken& scored) const {
    return errors_[static_cast<size_t>(scored.error)];
  }

  /// Keeps what the row behind the last token of a node says of the nodes below, and of the token
  /// that is generated there.
  void read_end(std::span<const float> row, uint32_t node);
  /// The score of a node's first token, as far as it was wanted.
  ScoredToken first_score(uint32_t node) const;
  void forget_first_score(uint32_t node) { first_scores_.erase(node); }
  /// The token that is generated behind a node, for once.
  Result<int32_t> take_generated(uint32_t node);

 private:
  const TokenTree& tree_;
  mutable std::mutex mutex_;  ///< for all that follows.
  std::unordered_map<uint32_t, ScoredToken> first_scores_;
  std::unordered_map<uint32_t, Result<int32_t>> first_generated_;
  std::vector<Error> errors_;
};

}  // namespace anemone::eval
