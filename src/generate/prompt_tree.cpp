#include "generate/prompt_tree.h"

#include <algorithm>

#include "base/check.h"

namespace anemone::generate {

template <typename Visit>
PromptTree::Node* PromptTree::descend(std::span<const int32_t> tokens, size_t& known,
                                      const Visit& visit) {
  ++clock_;
  Node* node = &root_;
  known = 0;
  while (known < tokens.size()) {
    const auto child = node->children.find(tokens[known]);
    if (child == node->children.end()) break;
    Node* const next = child->second.get();
    const auto differs = std::ranges::mismatch(next->tokens, tokens.subspan(known)).in1;
    const auto count = static_cast<size_t>(differs - next->tokens.begin());
    next->used = clock_;
    node = next;
    known += count;
    visit(*next, count);
    if (count < next->tokens.size()) break;
  }
  return node;
}

size_t PromptTree::find(std::span<const int32_t> tokens,
                        std::vector<std::span<const std::byte>>& pieces) {
  pieces.clear();
  size_t known = 0;
  descend(tokens, known, [&](const Node& node, size_t count) {
    pieces.push_back(std::span(node.bytes).first(count * token_bytes_));
  });
  return known;
}

void PromptTree::insert(std::span<const int32_t> tokens,
                        const std::function<void(size_t, std::span<std::byte>)>& save) {
  size_t known = 0;
  size_t of_last = 0;
  Node* node = descend(tokens, known, [&](const Node&, size_t count) { of_last = count; });
  if (known == tokens.size()) return;
  if (node != &root_ && of_last < node->tokens.size()) node = split(node, of_last);
  const uint64_t room = budget_bytes_ < sizeof(Node) ? 0 : budget_bytes_ - sizeof(Node);
  const auto rest = tokens.subspan(
      known, std::min(tokens.size() - known, room / (token_bytes_ + sizeof(int32_t))));
  if (rest.empty()) return;
  auto leaf = std::make_unique<Node>();
  leaf->parent = node;
  leaf->tokens.assign(rest.begin(), rest.end());
  leaf->bytes.resize(rest.size() * token_bytes_);
  leaf->used = clock_;
  save(known, leaf->bytes);
  size_bytes_ += node_bytes(*leaf);
  ++nodes_;
  node->children.emplace(rest.front(), std::move(leaf));
  evict();
}

PromptTree::Node* PromptTree::split(Node* node, size_t count) {
  ANEMONE_CHECK(count > 0 && count < node->tokens.size(), "both parts have tokens");
  auto& place = node->parent->children.at(node->tokens.front());
  auto lower = std::move(place);
  auto upper = std::make_unique<Node>();
  size_bytes_ -= node_bytes(*lower);
  const auto cut = static_cast<ptrdiff_t>(count);
  const auto cut_bytes = static_cast<ptrdiff_t>(count * token_bytes_);
  upper->parent = lower->parent;
  upper->used = lower->used;
  upper->tokens.assign(lower->tokens.begin(), lower->tokens.begin() + cut);
  upper->bytes.assign(lower->bytes.begin(), lower->bytes.begin() + cut_bytes);
  lower->tokens = std::vector(lower->tokens.begin() + cut, lower->tokens.end());
  lower->bytes = std::vector(lower->bytes.begin() + cut_bytes, lower->bytes.end());
  lower->parent = upper.get();
  size_bytes_ += node_bytes(*lower) + node_bytes(*upper);
  ++nodes_;
  upper->children.emplace(lower->tokens.front(), std::move(lower));
  place = std::move(upper);
  return place.get();
}

void PromptTree::evict() {
  while (size_bytes_ > budget_bytes_) {
    Node* oldest = nullptr;
    std::vector<Node*> open = {&root_};
    while (!open.empty()) {
      Node* const node = open.back();
      open.pop_back();
      if (node != &root_ && node->children.empty() &&
          (oldest == nullptr || node->used < oldest->used))
        oldest = node;
      for (const auto& [token, child] : node->children) open.push_back(child.get());
    }
    if (oldest == nullptr) return;
    size_bytes_ -= node_bytes(*oldest);
    evicted_tokens_ += oldest->tokens.size();
    --nodes_;
    oldest->parent->children.erase(oldest->tokens.front());
  }
}

}  // namespace anemone::generate
