#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/result.h"
#include "eval/model_path.h"
#include "eval/score_book.h"
#include "eval/token_tree.h"

namespace anemone::eval {

/// One of several sequences that go through a tree of tokens at the same time. It runs a way, from
/// a node whose parent has run down to a leaf, in pieces of which all or no rows are wanted.
class Lane {
 public:
  /// Tokens of the way from `begin` on.
  struct Piece {
    size_t begin = 0;
    size_t count = 0;
    bool rows = false;
  };

  Lane(ModelPath& path, const TokenTree& tree, std::span<const Question> questions, ScoreBook& book)
      : path_(&path), tree_(&tree), questions_(questions), book_(&book) {}

  ModelPath& path() { return *path_; }
  const ModelPath& path() const { return *path_; }
  /// From the root to the last node that has run here; some may have run in another lane.
  std::span<const uint32_t> open() const { return open_; }
  void close_last() { open_.pop_back(); }
  std::span<const uint32_t> way() const { return way_; }
  bool is_busy() const { return !way_.empty(); }
  bool is_at_end() const { return at_ == end_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  const ScoredToken& score(size_t depth) const { return scores_[depth]; }

  /// Goes to where `other` is or was: its first `count` open nodes. CHECKs that it reaches that.
  void join(const Lane& other, size_t count);
  bool reaches_open(size_t count) const;

  /// Leads the model to where the way begins. The lane is busy from now on. Errors: those of
  /// LanguageModel::extend.
  Status start(std::vector<uint32_t> way);
  /// What runs next, at most `most_rows` tokens where rows are wanted. CHECKs !is_at_end().
  Piece next_piece(size_t most_rows);
  std::span<const int32_t> tokens(const Piece& piece) const {
    return std::span(tokens_).subspan(piece.begin, piece.count);
  }
  /// A piece has run; `rows` are its logits, if they were wanted. Several lanes may take theirs at
  /// the same time.
  void take(const Piece& piece, std::span<const float> rows);
  /// The way has run: its nodes are open.
  void finish();
  /// The way has not run.
  void give_up() {
    way_.clear();
    has_failed_ = true;
  }
  /// The last way that ended here has not run.
  bool has_failed() const { return has_failed_; }

 private:
  bool row_wanted_behind(const TokenTree::Node& node) const;
  void want_rows();
  bool parts_at(uint32_t node) const;
  void find_copies();
  void take_row(std::span<const float> row);

  ModelPath* path_;
  const TokenTree* tree_;
  std::span<const Question> questions_;
  ScoreBook* book_;
  std::vector<uint32_t> open_ = {TokenTree::kRoot};
  std::vector<uint32_t> way_;
  bool has_failed_ = false;
  size_t begin_ = 0;  ///< of the way's tokens.
  size_t at_ = 0;     ///< runs next.
  size_t end_ = 0;
  size_t node_ = 0;                  ///< of the way: where `at_` is.
  Tokens tokens_;                    ///< of the open nodes and the way.
  std::vector<ScoredToken> scores_;  ///< of these tokens.
  std::vector<bool> wanted_;         ///< rows behind the tokens of the way.
  std::vector<size_t> copies_;       ///< where a copy of the state is to be kept, in order.
  size_t copy_ = 0;                  ///< the next one of them.
};

}  // namespace anemone::eval
