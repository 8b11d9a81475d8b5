#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "eval/lane.h"
#include "eval/token_tree.h"

namespace anemone::eval {

/// Says which way through the tree a lane takes next. Each goes depth first from where it is, so
/// that it only ever goes back; one that has come back to the root and finds nothing there helps
/// another, where most may be left: as near to the root as possible.
class LaneSchedule {
 public:
  LaneSchedule(TokenTree& tree, std::span<Lane> lanes) : tree_(tree), lanes_(lanes) {}

  /// A way from where the lane is; none is left below its open nodes when there is no value. It
  /// ends where a text is generated, while the model is there, and where there are several lanes
  /// also where questions part, so that others can go on from there; but behind a failure at a
  /// leaf, to tell whose it is.
  std::optional<std::vector<uint32_t>> next_way(Lane& lane);
  /// A way below an open node of another lane, to which the lane goes.
  std::optional<std::vector<uint32_t>> way_beside_others(Lane& lane);
  /// A way that was taken has run: nobody takes any of its nodes again.
  void pass(std::span<const uint32_t> way);
  /// A way that was taken has not run: it is there again, without its leaf if it ends at one.
  void put_back(std::span<const uint32_t> way);
  bool is_leaf(uint32_t node) const { return tree_.node(node).first_child == TokenTree::kNone; }

 private:
  void fetch_state(Lane& lane);
  std::vector<uint32_t> take_first_way(uint32_t parent, bool to_leaf);

  TokenTree& tree_;
  std::span<Lane> lanes_;
};

}  // namespace anemone::eval
