#include "eval/token_tree.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace anemone::eval {
namespace {

uint64_t key_of(uint32_t parent, int32_t token) {
  return uint64_t{parent} << 32 | static_cast<uint32_t>(token);
}

}  // namespace

TokenTree::TokenTree(std::span<const Question> questions, std::span<const uint32_t> asked)
    : questions_(questions), nodes_(1), next_question_(questions.size(), kNone) {
  ANEMONE_CHECK(questions.size() < kNone / 2, "nodes are counted in 32 bits");
  for (const uint32_t question : asked) insert(question);
  children_ = {};
  link_children();
}

uint32_t TokenTree::append(const Node& node) {
  nodes_.push_back(node);
  return static_cast<uint32_t>(nodes_.size() - 1);
}

/// Puts a node where the edge to `index` reaches `depth`, and returns it.
uint32_t TokenTree::split(uint32_t index, uint32_t depth) {
  Node upper = nodes_[index];
  upper.end = depth;
  upper.first_question = kNone;
  upper.generates = false;
  const uint32_t above = append(upper);
  Node& lower = nodes_[index];
  lower.begin = depth;
  lower.parent = above;
  children_[key_of(upper.parent, token(upper, upper.begin))] = above;
  children_[key_of(above, token(lower, depth))] = index;
  return above;
}

void TokenTree::insert(uint32_t number) {
  const Question& question = questions_[number];
  ANEMONE_CHECK(
      !question.context().empty() && question.generates() == question.continuation().empty(),
      "a question has a context, and a continuation or none");
  const auto size = static_cast<uint32_t>(question.size());
  const auto scored_from = static_cast<uint32_t>(question.generates() ? uint32_t{UINT32_MAX}
                                                                      : question.context().size());
  uint32_t at = kRoot;
  uint32_t depth = 0;
  while (depth < size) {
    const auto found = children_.find(key_of(at, question.token(depth)));
    if (found == children_.end()) {
      Node leaf;
      leaf.parent = at;
      leaf.begin = depth;
      leaf.end = size;
      leaf.sample = number;
      leaf.order = order_++;
      leaf.scored_from = scored_from;
      const uint32_t made = append(leaf);
      children_[key_of(at, question.token(depth))] = made;
      at = made;
      break;
    }
    uint32_t next = found->second;
    const Node edge = nodes_[next];
    const Question& known = questions_[edge.sample];
    const uint32_t most = std::min(edge.end, size);
    while (depth < most && question.token(depth) == known.token(depth)) ++depth;
    if (depth < edge.end) next = split(next, depth);
    nodes_[next].scored_from = std::min(nodes_[next].scored_from, scored_from);
    at = next;
  }
  Node& end = nodes_[at];
  next_question_[number] = end.first_question;
  end.first_question = number;
  end.generates = end.generates || question.generates();
}

void TokenTree::link_children() {
  // Of one parent's children the one with the latest is linked first, to stand last.
  std::vector<uint32_t> order(nodes_.size() - 1);
  std::iota(order.begin(), order.end(), 1u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return nodes_[a].order > nodes_[b].order; });
  for (const uint32_t index : order) {
    Node& parent = nodes_[nodes_[index].parent];
    nodes_[index].next = parent.first_child;
    parent.first_child = index;
  }
}

uint32_t TokenTree::take_first_child(uint32_t parent) {
  const uint32_t child = nodes_[parent].first_child;
  ANEMONE_CHECK(child != kNone, "a child to take");
  nodes_[parent].first_child = nodes_[child].next;
  return child;
}

void TokenTree::put_back(uint32_t child) {
  Node& parent = nodes_[nodes_[child].parent];
  nodes_[child].next = parent.first_child;
  parent.first_child = child;
}

uint64_t TokenTree::input_tokens() const {
  uint64_t tokens = 0;
  for (size_t i = 1; i < nodes_.size(); ++i) tokens += input_end(nodes_[i]) - nodes_[i].begin;
  return tokens;
}

}  // namespace anemone::eval
