#include "eval/lane_schedule.h"

#include <algorithm>

namespace anemone::eval {

std::vector<uint32_t> LaneSchedule::take_first_way(uint32_t parent, bool to_leaf) {
  std::vector<uint32_t> way = {tree_.take_first_child(parent)};
  for (;;) {
    const TokenTree::Node& node = tree_.node(way.back());
    if (node.first_child == TokenTree::kNone) return way;
    const bool parts = tree_.node(node.first_child).next != TokenTree::kNone;
    if (!to_leaf && (node.generates || (parts && lanes_.size() > 1))) return way;
    way.push_back(node.first_child);
  }
}

void LaneSchedule::pass(std::span<const uint32_t> way) {
  for (const uint32_t parent : way.first(way.size() - 1)) tree_.take_first_child(parent);
}

void LaneSchedule::put_back(std::span<const uint32_t> way) {
  if (is_leaf(way.back())) {
    if (way.size() == 1) return;
    tree_.take_first_child(way[way.size() - 2]);
  }
  tree_.put_back(way.front());
}

std::optional<std::vector<uint32_t>> LaneSchedule::next_way(Lane& lane) {
  for (;;) {
    const uint32_t at = lane.open().back();
    if (is_leaf(at)) {
      if (lane.open().size() == 1) return std::nullopt;
      lane.close_last();
      continue;
    }
    std::vector<uint32_t> way = take_first_way(at, lane.has_failed());
    if (is_leaf(way.back()) && tree_.node(way.back()).first_question == TokenTree::kNone) {
      put_back(way);  // all behind it has failed
      continue;
    }
    fetch_state(lane);
    return way;
  }
}

/// From another lane, where this one can no longer go back to its last open node.
void LaneSchedule::fetch_state(Lane& lane) {
  const size_t count = lane.open().size();
  if (lane.reaches_open(count)) return;
  const auto tokens = lane.tokens().first(tree_.node(lane.open().back()).end);
  const auto found =
      std::ranges::find_if(lanes_, [&](const Lane& other) { return other.path().reaches(tokens); });
  if (found != lanes_.end()) lane.path().join(found->path(), tokens);
}

std::optional<std::vector<uint32_t>> LaneSchedule::way_beside_others(Lane& lane) {
  for (;;) {
    const Lane* best = nullptr;
    size_t least = 0;
    for (const Lane& other : lanes_) {
      const auto open = other.open();
      const auto found =
          std::ranges::find_if_not(open, [&](uint32_t node) { return is_leaf(node); });
      const auto count = static_cast<size_t>(found - open.begin()) + 1;
      if (&other == &lane || found == open.end() || (best != nullptr && count >= least)) continue;
      if (!other.reaches_open(count)) continue;
      best = &other;
      least = count;
    }
    if (best == nullptr) return std::nullopt;
    lane.join(*best, least);
    auto way = next_way(lane);
    if (way) return way;
  }
}

}  // namespace anemone::eval
