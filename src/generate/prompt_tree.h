#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace anemone::generate {

/// A radix tree of token ids with so many bytes for each token: beginnings that texts share are
/// kept once.
class PromptTree {
 public:
  PromptTree(uint64_t token_bytes, uint64_t budget_bytes)
      : token_bytes_(token_bytes), budget_bytes_(budget_bytes) {}

  /// The bytes of the longest known beginning of `tokens`, in pieces that are valid until the next
  /// `insert`; its length in tokens.
  size_t find(std::span<const int32_t> tokens, std::vector<std::span<const std::byte>>& pieces);

  /// Makes all of `tokens` known; `save(begin, bytes)` gives the bytes of those from `begin` on,
  /// which were not: all of them, or as many as the budget holds. Then leaves go that were not used
  /// for the longest time until the rest fits the budget.
  void insert(std::span<const int32_t> tokens,
              const std::function<void(size_t begin, std::span<std::byte> bytes)>& save);

  uint64_t size_bytes() const { return size_bytes_; }
  uint64_t nodes() const { return nodes_; }
  uint64_t evicted_tokens() const { return evicted_tokens_; }

 private:
  struct Node {
    Node* parent = nullptr;
    std::vector<int32_t> tokens;  ///< on the way from the parent; none in the root alone.
    std::vector<std::byte> bytes;
    std::map<int32_t, std::unique_ptr<Node>> children;  ///< by their first token.
    uint64_t used = 0;                                  ///< when, counted in calls.
  };

  /// The node whose tokens are the last that `tokens` shares, and how many of them; marks the way
  /// as used. `visit(node, count)` sees each node on it.
  template <typename Visit>
  Node* descend(std::span<const int32_t> tokens, size_t& known, const Visit& visit);
  /// Cuts `node` behind its first `count` tokens; the one that ends there.
  Node* split(Node* node, size_t count);
  void evict();
  uint64_t node_bytes(const Node& node) const {
    return node.bytes.size() + node.tokens.size() * sizeof(int32_t) + sizeof(Node);
  }

  uint64_t token_bytes_;
  uint64_t budget_bytes_;
  Node root_;
  uint64_t clock_ = 0;
  uint64_t size_bytes_ = 0;
  uint64_t nodes_ = 0;
  uint64_t evicted_tokens_ = 0;
};

}  // namespace anemone::generate
