#include "eval/tree_walk.h"

#include <algorithm>

#include "base/error.h"
#include "eval/generate_until.h"

namespace anemone::eval {
namespace {

/// Rows of logits held at once, so that a long text with a large vocabulary fits in memory.
constexpr size_t kMostRows = 64;

}  // namespace

TreeWalk::TreeWalk(ModelPath& path, const Codec& codec, size_t vocabulary,
                   std::span<const Question> questions, std::span<const uint32_t> asked,
                   const Engine::Answered& answered, const Engine::Told& told)
    : path_(path),
      codec_(codec),
      vocabulary_(vocabulary),
      questions_(questions),
      answered_(answered),
      told_(told),
      tree_(questions, asked),
      total_(tree_.input_tokens()) {
  for (const uint32_t index : asked)
    if (questions[index].generates())
      total_ += static_cast<uint64_t>(questions[index].generation->most_tokens);
}

Status TreeWalk::tell(uint64_t extra) const {
  if (!told_ || told_(std::min(done_ + extra, total_), total_)) return {};
  return fail(ErrorCode::interrupted, "interrupted after {} of {} tokens", done_, total_);
}

std::vector<uint32_t> TreeWalk::first_leaf(uint32_t child) const {
  std::vector<uint32_t> way;
  for (uint32_t at = child; at != TokenTree::kNone; at = tree_.node(at).first_child)
    way.push_back(at);
  return way;
}

Status TreeWalk::run() {
  open_ = {TokenTree::kRoot};
  while (!open_.empty()) {
    const uint32_t at = open_.back();
    const uint32_t child = tree_.node(at).first_child;
    if (child == TokenTree::kNone) {
      ANEMONE_RETURN_IF_ERROR(answer(at));
      open_.pop_back();
      continue;
    }
    ANEMONE_RETURN_IF_ERROR(tell(0));
    const std::vector<uint32_t> way = first_leaf(child);
    if (tree_.node(way.back()).first_question == TokenTree::kNone) {  // all behind it has failed
      tree_.remove_first_child(tree_.node(way.back()).parent);
      continue;
    }
    const Status status = run_leaf(way);
    if (!status.ok()) {
      ANEMONE_RETURN_IF_ERROR(give_up(way.back(), status.error()));
      continue;
    }
    for (const uint32_t node : way) {
      done_ += tree_.input_end(tree_.node(node)) - tree_.node(node).begin;
      tree_.remove_first_child(tree_.node(node).parent);
      open_.push_back(node);
    }
  }
  return tell(0);
}

/// The leaf's questions fail; those that end before it are tried without it.
Status TreeWalk::give_up(uint32_t leaf, const Error& error) {
  const TokenTree::Node& node = tree_.node(leaf);
  done_ += tree_.input_end(node) - node.begin;
  tree_.remove_first_child(node.parent);
  first_scores_.erase(leaf);
  for (uint32_t q = node.first_question; q != TokenTree::kNone; q = tree_.next_question(q)) {
    Response response;
    response.error = error;
    ANEMONE_RETURN_IF_ERROR(answered_(q, std::move(response)));
  }
  return {};
}

Status TreeWalk::run_leaf(std::span<const uint32_t> way) {
  const size_t begin = tree_.node(way.front()).begin;
  tokens_.resize(begin);
  scores_.resize(begin);
  for (const uint32_t index : way) {
    const TokenTree::Node& node = tree_.node(index);
    for (uint32_t depth = node.begin; depth < node.end; ++depth)
      tokens_.push_back(tree_.token(node, depth));
  }
  scores_.resize(tokens_.size());
  const auto first = first_scores_.find(way.front());
  if (first != first_scores_.end()) scores_[begin] = first->second;
  const TokenTree::Node& leaf = tree_.node(way.back());
  const size_t end = tree_.input_end(leaf);
  if (end > begin) ANEMONE_RETURN_IF_ERROR(run_tokens(way, begin, end));
  first_scores_.erase(way.front());
  return {};
}

bool TreeWalk::row_wanted_behind(const TokenTree::Node& node) const {
  if (node.generates) return true;
  for (uint32_t at = node.first_child; at != TokenTree::kNone; at = tree_.node(at).next)
    if (tree_.scores_first_token(tree_.node(at))) return true;
  return false;
}

void TreeWalk::want_rows(std::span<const uint32_t> way, size_t begin, size_t end) {
  wanted_.assign(end - begin, false);
  for (const uint32_t index : way) {
    const TokenTree::Node& node = tree_.node(index);
    for (size_t depth = std::max<size_t>(node.scored_from, node.begin + 1); depth < node.end;
         ++depth)
      wanted_[depth - 1 - begin] = true;
    if (node.end <= end && row_wanted_behind(node)) wanted_[node.end - 1 - begin] = true;
  }
}

bool TreeWalk::parts_here(uint32_t index) const {
  const TokenTree::Node& node = tree_.node(index);
  return node.generates || (node.first_child != TokenTree::kNone &&
                            tree_.node(node.first_child).next != TokenTree::kNone);
}

/// Where a copy of the model's state saves running tokens again, because it cannot go back from
/// where it will be.
std::vector<size_t> TreeWalk::copy_points(std::span<const uint32_t> way, size_t begin,
                                          size_t end) const {
  size_t reach = end;
  for (const uint32_t index : way)
    for (uint32_t q = tree_.node(index).first_question; q != TokenTree::kNone;
         q = tree_.next_question(q))
      if (questions_[q].generates())
        reach = std::max(reach, tree_.node(index).end +
                                    static_cast<size_t>(questions_[q].generation->most_tokens));
  std::vector<size_t> points;
  if (path_.forgets_at(reach)) return points;
  if (path_.forgets_at(begin) || parts_here(open_.back())) points.push_back(begin);
  for (const uint32_t index : way)
    if (tree_.node(index).end <= end && parts_here(index)) points.push_back(tree_.node(index).end);
  return points;
}

Status TreeWalk::run_tokens(std::span<const uint32_t> way, size_t begin, size_t end) {
  const std::span<const int32_t> tokens(tokens_);
  ANEMONE_RETURN_IF_ERROR(path_.move_to(tokens.first(begin)));
  want_rows(way, begin, end);
  const std::vector<size_t> copies = copy_points(way, begin, end);
  auto copy = copies.begin();
  const uint32_t* node = way.data();
  for (size_t at = begin; at < end;) {
    if (copy != copies.end() && *copy == at) {
      path_.keep();
      ++copy;
    }
    const bool rows = wanted_[at - begin];
    const size_t most =
        std::min(copy == copies.end() ? end : std::min(*copy, end), rows ? at + kMostRows : end);
    size_t next = at + 1;
    while (next < most && wanted_[next - begin] == rows) ++next;
    if (rows) rows_.resize((next - at) * vocabulary_);
    ANEMONE_RETURN_IF_ERROR(path_.extend(tokens.subspan(at, next - at),
                                         rows ? lm::Rows::all : lm::Rows::none,
                                         rows ? std::span<float>(rows_) : std::span<float>()));
    for (const size_t start = at; at < next; ++at) {
      while (tree_.node(*node).end <= at) ++node;
      if (rows)
        take_row(std::span(rows_).subspan((at - start) * vocabulary_, vocabulary_), at, *node);
    }
  }
  return {};
}

int32_t TreeWalk::keep_error(const Error& error) {
  errors_.push_back(error);
  return static_cast<int32_t>(errors_.size() - 1);
}

TreeWalk::Scored TreeWalk::score(std::span<const float> row, int32_t token) {
  const auto scored = lm::score_token(row, token);
  if (!scored.ok()) return {{}, keep_error(scored.error())};
  return {*scored, -1};
}

/// The logits behind tokens_[depth], which belongs to that node.
void TreeWalk::take_row(std::span<const float> row, size_t depth, uint32_t index) {
  const TokenTree::Node& node = tree_.node(index);
  if (depth + 1 < node.end) {
    scores_[depth + 1] = score(row, tokens_[depth + 1]);
    return;
  }
  for (uint32_t at = node.first_child; at != TokenTree::kNone; at = tree_.node(at).next) {
    const TokenTree::Node& child = tree_.node(at);
    if (!tree_.scores_first_token(child)) continue;
    const Scored scored = score(row, tree_.token(child, child.begin));
    if (at == node.first_child)
      scores_[depth + 1] = scored;
    else
      first_scores_[at] = scored;
  }
  if (node.generates) first_generated_.insert_or_assign(index, lm::best_token(row));
}

Response TreeWalk::scored_response(const Question& question) const {
  Response response;
  response.greedy = true;
  for (size_t depth = question.context().size(); depth < question.size(); ++depth) {
    const Scored& scored = scores_[depth];
    if (scored.error >= 0) {
      response.error = errors_[static_cast<size_t>(scored.error)];
      return response;
    }
    response.log_likelihood += scored.score.log_probability;
    response.greedy = response.greedy && scored.score.greedy;
  }
  return response;
}

Result<std::string> TreeWalk::generated(uint32_t node, const GenerationOptions& options) {
  ANEMONE_TRY(const int32_t first, first_generated_.at(node));
  ANEMONE_RETURN_IF_ERROR(path_.move_to(std::span(tokens_).first(tree_.node(node).end)));
  rows_.resize(vocabulary_);
  uint64_t count = 0;
  return generate_until(options, codec_, first, [&](int32_t token) -> Result<int32_t> {
    ANEMONE_RETURN_IF_ERROR(tell(++count));
    ANEMONE_RETURN_IF_ERROR(path_.extend(std::span(&token, 1), lm::Rows::last, rows_));
    return lm::best_token(rows_);
  });
}

Status TreeWalk::answer(uint32_t index) {
  const TokenTree::Node& node = tree_.node(index);
  const GenerationOptions* before = nullptr;
  Response last;
  for (uint32_t q = node.first_question; q != TokenTree::kNone; q = tree_.next_question(q)) {
    const Question& question = questions_[q];
    if (!question.generates()) {
      ANEMONE_RETURN_IF_ERROR(answered_(q, scored_response(question)));
      continue;
    }
    if (before == nullptr || !(*before == *question.generation)) {
      before = question.generation.get();
      auto text = generated(index, *before);
      if (!text.ok() && text.error().code == ErrorCode::interrupted) return text.error();
      last = {};
      if (text.ok()) {
        last.text = std::move(text).value();
        last.generated_tokens = path_.length() - node.end;
      } else {
        last.error = std::move(text).error();
      }
    }
    done_ += static_cast<uint64_t>(question.generation->most_tokens);
    ANEMONE_RETURN_IF_ERROR(answered_(q, Response(last)));
  }
  first_generated_.erase(index);
  return {};
}

}  // namespace anemone::eval
