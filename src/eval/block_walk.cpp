#include "eval/block_walk.h"

#include <algorithm>
#include <utility>

namespace anemone::eval {
namespace {

/// Tokens for which it pays to wait for a path: fewer run again on another one, so that texts that
/// have but the first token in common do not queue up for one path.
constexpr size_t kLeastShared = 16;

/// The first input whose next token is scored.
size_t first_scored(const Question& question) { return question.context().size() - 1; }

/// Nodes in the order of a walk that goes as deep as it can before it goes back.
std::vector<uint32_t> depth_first(const TokenTree& tree) {
  std::vector<uint32_t> order;
  uint32_t at = TokenTree::kRoot;
  for (;;) {
    order.push_back(at);
    if (tree.node(at).first_child != TokenTree::kNone) {
      at = tree.node(at).first_child;
      continue;
    }
    while (at != TokenTree::kRoot && tree.node(at).next == TokenTree::kNone)
      at = tree.node(at).parent;
    if (at == TokenTree::kRoot) return order;
    at = tree.node(at).next;
  }
}

void add_groups(const TokenTree& tree, uint32_t node, std::span<const Question> questions,
                std::vector<BlockGroup>& groups) {
  const size_t first_new = groups.size();
  for (uint32_t q = tree.node(node).first_question; q != TokenTree::kNone;
       q = tree.next_question(q)) {
    const size_t scored = first_scored(questions[q]);
    const auto same = std::find_if(groups.begin() + static_cast<std::ptrdiff_t>(first_new),
                                   groups.end(), [&](const BlockGroup& group) {
                                     return first_scored(questions[group.questions[0]]) == scored;
                                   });
    if (same != groups.end()) {
      same->questions.push_back(q);
      continue;
    }
    BlockGroup group{{q}, 0};
    if (!groups.empty()) {
      const Question& before = questions[groups.back().questions[0]];
      const size_t most = std::min(scored, before.input_size());
      while (group.shared < most && before.token(group.shared) == questions[q].token(group.shared))
        ++group.shared;
      if (group.shared < kLeastShared) group.shared = 0;
    }
    groups.push_back(std::move(group));
  }
}

}  // namespace

std::vector<BlockGroup> block_groups(std::span<const Question> questions,
                                     std::span<const uint32_t> asked) {
  const TokenTree tree(questions, asked);
  std::vector<BlockGroup> groups;
  for (const uint32_t node : depth_first(tree)) add_groups(tree, node, questions, groups);
  return groups;
}

uint64_t tokens_of(const BlockGroup& group, std::span<const Question> questions) {
  return questions[group.questions[0]].input_size() - group.shared;
}

BlockWalk::BlockWalk(lm::LanguageModel& model, std::span<ModelPath> paths,
                     std::span<const Question> questions, std::span<const uint32_t> asked,
                     const Engine::Answered& answered, WalkProgress& progress)
    : model_(model),
      questions_(questions),
      answered_(answered),
      progress_(progress),
      groups_(block_groups(questions, asked)) {
  for (const BlockGroup& group : groups_) progress_.expect(tokens_of(group, questions_));
  for (ModelPath& path : paths.first(std::min(paths.size(), kMostPaths))) {
    works_.emplace_back().path = &path;
    works_.back().next = groups_.size();
  }
}

/// The group after the last one on this path while it shares a context with it, else the first that
/// no path has taken.
bool BlockWalk::take_group(Work& work) {
  const size_t next = work.next + 1;
  if (next < groups_.size() && groups_[next].shared > 0) {
    work.next = next;
    return true;
  }
  while (taken_ < groups_.size() && groups_[taken_].shared > 0) ++taken_;
  if (taken_ == groups_.size()) return false;
  work.next = taken_++;
  return true;
}

void BlockWalk::prepare(Work& work) {
  const Question& question = questions_[groups_[work.next].questions[0]];
  work.tokens.resize(question.size());
  for (size_t i = 0; i < work.tokens.size(); ++i) work.tokens[i] = question.token(i);
  work.scores.assign(question.continuation().size(), {});
  const std::span<const int32_t> tokens(work.tokens);
  const size_t first = first_scored(question);
  work.status = work.path->move_to(tokens.first(first));
  if (!work.status.ok()) return;
  scorings_.push_back(work.path->scoring(tokens.subspan(first, work.scores.size()),
                                         tokens.subspan(first + 1), work.scores));
}

Status BlockWalk::answer(Work& work) {
  Response response;
  response.greedy = true;
  for (const lm::TokenScore& score : work.scores) {
    response.log_likelihood += score.log_probability;
    response.greedy = response.greedy && score.greedy;
  }
  if (!work.status.ok()) {
    response = {};
    response.error = work.status.error();
  }
  progress_.add(tokens_of(groups_[work.next], questions_));
  for (const uint32_t question : groups_[work.next].questions) {
    if (work.status.ok()) response.tokens_run = work.path->take_tokens_run();
    ANEMONE_RETURN_IF_ERROR(answered_(question, Response(response)));
  }
  return {};
}

Status BlockWalk::run() {
  for (;;) {
    ANEMONE_RETURN_IF_ERROR(progress_.tell());
    std::erase_if(works_, [&](Work& work) { return !take_group(work); });
    if (works_.empty()) return {};
    scorings_.clear();
    for (Work& work : works_) prepare(work);
    model_.score_many(scorings_);
    auto scoring = scorings_.begin();
    for (Work& work : works_) {
      if (work.status.ok()) work.status = std::move(scoring++->status);
      ANEMONE_RETURN_IF_ERROR(answer(work));
    }
  }
}

}  // namespace anemone::eval
