#include "eval/lane.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace anemone::eval {

bool Lane::reaches_open(size_t count) const {
  return path_->reaches(std::span(tokens_).first(tree_->node(open_[count - 1]).end));
}

void Lane::join(const Lane& other, size_t count) {
  open_.assign(other.open_.begin(), other.open_.begin() + static_cast<std::ptrdiff_t>(count));
  const auto end = static_cast<std::ptrdiff_t>(tree_->node(open_.back()).end);
  tokens_.assign(other.tokens_.begin(), other.tokens_.begin() + end);
  scores_.assign(other.scores_.begin(), other.scores_.begin() + end);
  if (!path_->reaches(tokens_)) path_->join(other.path(), tokens_);
}

Status Lane::start(std::vector<uint32_t> way) {
  way_ = std::move(way);
  begin_ = at_ = tree_->node(way_.front()).begin;
  end_ = tree_->input_end(tree_->node(way_.back()));
  node_ = copy_ = 0;
  tokens_.resize(begin_);
  scores_.resize(begin_);
  for (const uint32_t index : way_) {
    const TokenTree::Node& node = tree_->node(index);
    for (uint32_t depth = node.begin; depth < node.end; ++depth)
      tokens_.push_back(tree_->token(node, depth));
  }
  scores_.resize(tokens_.size());
  scores_[begin_] = book_->first_score(way_.front());
  copies_.clear();
  if (is_at_end()) return {};
  ANEMONE_RETURN_IF_ERROR(path_->move_to(std::span(tokens_).first(begin_)));
  want_rows();
  find_copies();
  return {};
}

bool Lane::row_wanted_behind(const TokenTree::Node& node) const {
  if (node.generates) return true;
  for (uint32_t at = node.first_child; at != TokenTree::kNone; at = tree_->node(at).next)
    if (tree_->scores_first_token(tree_->node(at))) return true;
  return false;
}

void Lane::want_rows() {
  wanted_.assign(end_ - begin_, false);
  for (const uint32_t index : way_) {
    const TokenTree::Node& node = tree_->node(index);
    for (size_t depth = std::max<size_t>(node.scored_from, node.begin + 1); depth < node.end;
         ++depth)
      wanted_[depth - 1 - begin_] = true;
    if (node.end <= end_ && row_wanted_behind(node)) wanted_[node.end - 1 - begin_] = true;
  }
}

bool Lane::parts_at(uint32_t index) const {
  const TokenTree::Node& node = tree_->node(index);
  return node.generates || (node.first_child != TokenTree::kNone &&
                            tree_->node(node.first_child).next != TokenTree::kNone);
}

/// Where a copy of the model's state saves running tokens again, because it cannot go back from
/// where it will be.
void Lane::find_copies() {
  size_t reach = end_;
  for (const uint32_t index : way_)
    for (uint32_t q = tree_->node(index).first_question; q != TokenTree::kNone;
         q = tree_->next_question(q))
      if (questions_[q].generates())
        reach = std::max(reach, tree_->node(index).end +
                                    static_cast<size_t>(questions_[q].generation->most_tokens));
  if (path_->forgets_at(reach)) return;
  // The way's first node has been taken from those below the last open one.
  const bool more = tree_->node(open_.back()).first_child != TokenTree::kNone;
  if (path_->forgets_at(begin_) || more || tree_->node(open_.back()).generates)
    copies_.push_back(begin_);
  for (const uint32_t index : way_)
    if (tree_->node(index).end <= end_ && parts_at(index))
      copies_.push_back(tree_->node(index).end);
}

Lane::Piece Lane::next_piece(size_t most_rows) {
  ANEMONE_CHECK(!is_at_end(), "tokens to run");
  if (copy_ < copies_.size() && copies_[copy_] == at_) {
    path_->keep();
    ++copy_;
  }
  const bool rows = wanted_[at_ - begin_];
  const size_t stop = copy_ < copies_.size() ? std::min(copies_[copy_], end_) : end_;
  const size_t most = rows ? std::min(stop, at_ + most_rows) : stop;
  size_t next = at_ + 1;
  while (next < most && wanted_[next - begin_] == rows) ++next;
  return {at_, next - at_, rows};
}

void Lane::take(const Piece& piece, std::span<const float> rows) {
  const size_t row_size = rows.size() / piece.count;
  for (size_t i = 0; i < piece.count; ++i, ++at_) {
    while (tree_->node(way_[node_]).end <= at_) ++node_;
    if (piece.rows) take_row(rows.subspan(i * row_size, row_size));
  }
}

/// The logits behind tokens_[at_].
void Lane::take_row(std::span<const float> row) {
  const size_t next = at_ + 1;
  if (next < tree_->node(way_[node_]).end) {
    scores_[next] = book_->score(row, tokens_[next]);
    return;
  }
  book_->read_end(row, way_[node_]);
  if (node_ + 1 < way_.size()) scores_[next] = book_->first_score(way_[node_ + 1]);
}

void Lane::finish() {
  for (const uint32_t node : way_) {
    book_->forget_first_score(node);
    open_.push_back(node);
  }
  way_.clear();
  has_failed_ = false;
}

}  // namespace anemone::eval
