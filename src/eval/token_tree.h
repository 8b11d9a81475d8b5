#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "eval/question.h"

namespace anemone::eval {

/// The tokens of many questions as a tree: what several begin with is there once. Nodes are where
/// questions part or end; children stand in the order in which the questions came.
class TokenTree {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kRoot = 0;

  /// The tokens [begin, end) of all questions that pass through it.
  struct Node {
    uint32_t parent = kNone;
    uint32_t first_child = kNone;
    uint32_t next = kNone;  ///< sibling.
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t first_question = kNone;    ///< of those that end here; see next_question.
    uint32_t sample = 0;                ///< the first question that passes.
    uint32_t order = 0;                 ///< when it was asked.
    uint32_t scored_from = UINT32_MAX;  ///< tokens from here on are scored by some question.
    bool generates = false;             ///< a question that ends here wants more tokens.
  };

  /// Of those questions whose indices are in `asked`. Keeps a view of all of them. CHECKs that each
  /// has a context, and a continuation or generates one.
  TokenTree(std::span<const Question> questions, std::span<const uint32_t> asked);

  const Node& node(uint32_t index) const { return nodes_[index]; }
  size_t node_count() const { return nodes_.size(); }
  uint32_t next_question(uint32_t question) const { return next_question_[question]; }
  int32_t token(const Node& node, uint32_t depth) const {
    return questions_[node.sample].token(depth);
  }
  bool scores_first_token(const Node& node) const { return node.scored_from <= node.begin; }
  /// Whether questions end here whose last token is all that is behind the model's last input.
  bool runs_last_token(const Node& node) const {
    return node.first_child != kNone || node.generates;
  }
  /// End of the tokens that the model must take here.
  uint32_t input_end(const Node& node) const { return node.end - (runs_last_token(node) ? 0 : 1); }

  /// Takes the first child away from its siblings, and returns it.
  uint32_t take_first_child(uint32_t parent);
  /// Makes a child that was taken away the first one again.
  void put_back(uint32_t child);

  /// Tokens that the model must take when each is run once; generated ones come on top.
  uint64_t input_tokens() const;

 private:
  void insert(uint32_t question);
  uint32_t split(uint32_t index, uint32_t depth);
  uint32_t append(const Node& node);
  void link_children();

  std::span<const Question> questions_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> next_question_;
  uint32_t order_ = 0;
  std::unordered_map<uint64_t, uint32_t> children_;  ///< by parent and token; while it grows.
};

}  // namespace anemone::eval
