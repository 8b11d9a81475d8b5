#include "lm/carrier.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace anemone::lm {
namespace {

/// Whose steps are carried at once.
constexpr size_t kMostSequences = 32;

/// Steps that are carried at once. Every thread gets a group of them, so that each weight is read
/// once for all its lanes.
constexpr int64_t kMostSteps = 128;

/// Blocks in lockstep keep threads busy that one block leaves idle; each has buffers of its own.
constexpr size_t kMostBlockLanes = 4;

}  // namespace

Carrier::Carrier(StaticCacheParts parts, bool single_steps)
    : parts_(std::move(parts)), single_steps_(single_steps && parts_.step.has_value()) {
  block_gives_rows_ = parts_.info.gives_logits && gives_all_rows(parts_.block);
  joins_positions_ = !single_steps_ && parts_.step && parts_.rows_are_positions &&
                     parts_.step->carries_positions();
  if (parts_.score && !single_steps_) parts_.info.score_block_tokens = parts_.score->rows();
}

int64_t Carrier::lockstep_sequences() const {
  return parts_.step ? static_cast<int64_t>(kMostSequences) : 1;
}

bool Carrier::block_fits(int64_t position, int64_t remaining, bool rows_wanted) const {
  if (!parts_.block || (single_steps_ && parts_.step)) return false;
  if (rows_wanted && !block_gives_rows_) return false;
  const int64_t rows = parts_.block->rows();
  if (!parts_.step) return true;
  if (remaining < rows || position + rows > parts_.info.context_length) return false;
  return parts_.window == 0 || position + rows <= parts_.window;
}

Pipeline* Carrier::smaller_block(int64_t position, int64_t remaining, bool rows_wanted) {
  if (single_steps_ || rows_wanted || !parts_.step) return nullptr;
  const auto fits = [&](const Pipeline& block) {
    return block.rows() <= remaining && position + block.rows() <= parts_.info.context_length;
  };
  const auto found = std::ranges::find_if(parts_.smaller_blocks, fits);
  return found == parts_.smaller_blocks.end() ? nullptr : &*found;
}

Carrier::Call Carrier::next_call(const Trip& trip, int64_t position) {
  const int64_t before_rows = std::max<int64_t>(trip.first_row - position, 0);
  const bool rows_wanted = before_rows == 0;
  const int64_t left = trip.end - position;
  const int64_t remaining = rows_wanted || block_gives_rows_ ? left : std::min(before_rows, left);
  if (block_fits(position, remaining, rows_wanted)) {
    // A block that would pass the end of the context starts earlier and computes some rows again.
    const int64_t rows = parts_.block->rows();
    const int64_t start = std::min(position, parts_.info.context_length - rows);
    return {&*parts_.block, start, std::min(start + rows, trip.sequence->length())};
  }
  if (Pipeline* const block = smaller_block(position, remaining, rows_wanted))
    return {block, position, position + block->rows()};
  const bool rotates = parts_.step_rotate && position >= parts_.window;
  return {rotates ? &*parts_.step_rotate : &*parts_.step, position, position + 1};
}

Carrier::Call Carrier::next_steps(const Trip& trip, int64_t most) {
  Call call = next_call(trip, trip.sequence->cached());
  if (!joins_positions_ || call.pipeline != &*parts_.step) return call;
  while (call.end < trip.end && call.end - call.start < most &&
         next_call(trip, call.end).pipeline == call.pipeline)
    ++call.end;
  return call;
}

template <typename TripOf>
void Carrier::make_lanes(const TripOf& trip_of) {
  const int64_t rows = calls_[0].pipeline->rows();
  size_t count = 0;
  for (Call& call : calls_) {
    call.first_lane = count;
    count += call.lanes();
  }
  padded_.assign(count * static_cast<size_t>(rows), 0);
  lanes_.clear();
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    const Trip trip = trip_of(i);
    const auto tokens = trip.sequence->tokens();
    for (int64_t start = call.start; start < call.end; start += rows) {
      const auto lane = std::span(padded_).subspan(lanes_.size() * static_cast<size_t>(rows),
                                                   static_cast<size_t>(rows));
      const int64_t end = std::min(start + rows, call.end);
      std::ranges::copy(
          tokens.subspan(static_cast<size_t>(start), static_cast<size_t>(end - start)),
          lane.begin());
      lanes_.push_back({.tokens = lane,
                        .position = start,
                        .state = &trip.sequence->state(),
                        .used_rows = trip.sequence->used_rows(),
                        .wants_logits = end > trip.first_row});
      trip.sequence->use_rows(start + rows);
    }
  }
}

void Carrier::share_work(size_t count, const std::function<void(size_t)>& body) const {
  (parts_.step ? *parts_.step : *parts_.block).share_work(count, body);
}

Status Carrier::run_lanes() {
  Pipeline& pipeline = *calls_[0].pipeline;
  ANEMONE_RETURN_IF_ERROR(pipeline.reserve(lanes_.size()));
  return pipeline.run(lanes_);
}

void Carrier::give_up(const Trip& trip, const Call& call) {
  const bool rotates = parts_.step_rotate && call.pipeline == &*parts_.step_rotate;
  if (rotates) trip.sequence->set_cached(0);
  trip.sequence->clear_rows(trip.sequence->cached());
}

int64_t Carrier::advance(const Trip& trip, const Call& call) {
  const int64_t rows = call.pipeline->rows();
  const size_t last_lane = call.first_lane + call.lanes() - 1;
  (rows == 1 ? counters_.step_tokens : counters_.prefill_tokens) +=
      call.lanes() * static_cast<uint64_t>(rows);
  counters_.calls += call.lanes();
  const int64_t position = trip.sequence->cached();
  trip.sequence->set_cached(call.end);
  trip.sequence->use_rows(call.pipeline->used_rows(last_lane));
  trip.sequence->clear_rows(call.end);
  last_lane_ = last_lane;
  return std::max(trip.first_row, position);
}

Status Carrier::hand_rows(const Trip& trip, const Call& call, int64_t first) const {
  if (trip.sink == nullptr) return {};
  const int64_t rows = call.pipeline->rows();
  for (int64_t at = first; at < call.end; ++at) {
    const int64_t row = at - call.start;
    call.pipeline->copy_logits(row % rows, trip.sink->place(at - trip.first_row),
                               call.first_lane + static_cast<size_t>(row / rows));
    ANEMONE_RETURN_IF_ERROR(trip.sink->take(at - trip.first_row));
  }
  return {};
}

Status Carrier::carry(const Trip& trip) {
  while (trip.sequence->cached() < trip.end) {
    calls_.assign(1, next_steps(trip, share_of_lanes(trip.end - trip.sequence->cached())));
    make_lanes([&](size_t) -> const Trip& { return trip; });
    if (Status status = run_lanes(); !status.ok()) {
      give_up(trip, calls_[0]);
      return status;
    }
    ANEMONE_RETURN_IF_ERROR(finish(trip, calls_[0]));
  }
  return {};
}

int64_t Carrier::share_of_lanes(int64_t left) const {
  const int64_t calls = (left + kMostSteps - 1) / kMostSteps;
  return (left + calls - 1) / calls;
}

void Carrier::find_group(std::span<const Trip> trips, std::span<const Status> statuses,
                         bool blocks) {
  group_.clear();
  calls_.clear();
  int64_t left = 0;
  for (size_t i = 0; i < trips.size(); ++i)
    if (statuses[i].ok()) left += trips[i].end - trips[i].sequence->cached();
  int64_t lanes =
      blocks ? static_cast<int64_t>(kMostBlockLanes) : share_of_lanes(std::max<int64_t>(left, 1));
  order_.resize(trips.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  // Those with the most blocks first, so that none of them is left alone at the end.
  if (blocks)
    std::ranges::sort(order_, {}, [&](size_t i) {
      return std::pair(trips[i].sequence->cached() - trips[i].end, i);
    });
  for (const size_t i : order_) {
    if (lanes <= 0) break;
    if (!statuses[i].ok() || trips[i].sequence->cached() >= trips[i].end) continue;
    const Call call = next_steps(trips[i], lanes);
    if ((call.pipeline->rows() > 1) != blocks) continue;
    if (!calls_.empty() && call.pipeline != calls_[0].pipeline) continue;
    group_.push_back(i);
    calls_.push_back(call);
    lanes -= static_cast<int64_t>(call.lanes());
  }
}

void Carrier::carry_many(std::span<const Trip> trips, std::span<Status> statuses) {
  for (;;) {
    find_group(trips, statuses, true);
    if (group_.empty()) find_group(trips, statuses, false);
    if (group_.empty()) return;
    call_together(trips, statuses);
  }
}

void Carrier::call_together(std::span<const Trip> trips, std::span<Status> statuses) {
  make_lanes([&](size_t i) -> const Trip& { return trips[group_[i]]; });
  if (run_lanes().ok()) {
    first_rows_.clear();
    for (size_t i = 0; i < group_.size(); ++i)
      first_rows_.push_back(advance(trips[group_[i]], calls_[i]));
    const auto hand_out = [&](size_t i) {
      statuses[group_[i]] = hand_rows(trips[group_[i]], calls_[i], first_rows_[i]);
    };
    calls_[0].pipeline->share_work(group_.size(), std::ref(hand_out));
    return;
  }
  // Each alone shows whose error it is.
  for (size_t i = 0; i < group_.size(); ++i) give_up(trips[group_[i]], calls_[i]);
  for (const size_t i : group_) statuses[i] = carry(trips[i]);
}

Result<int32_t> Carrier::argmax(int64_t length) const {
  const bool rotated = parts_.step_rotate && length > parts_.window;
  return (rotated ? *parts_.step_rotate : *parts_.step).argmax(parts_.argmax_parts, last_lane_);
}

Carrier::Call Carrier::next_score(const BlockScoring& scoring) {
  const int64_t rows = parts_.score->rows();
  const int64_t start = std::min(scoring.position / rows * rows, parts_.info.context_length - rows);
  return {&*parts_.score, start, std::min(start + rows, scoring.sequence->length())};
}

void Carrier::score_blocks(std::span<BlockScoring> scorings, std::span<Status> statuses) {
  approaches_.clear();
  for (const BlockScoring& each : scorings) {
    const int64_t start = next_score(each).start;
    approaches_.push_back({each.sequence, start, start, nullptr});
  }
  carry_many(approaches_, statuses);
  for (;;) {
    group_.clear();
    for (size_t i = 0; i < scorings.size() && group_.size() < kMostBlockLanes; ++i)
      if (statuses[i].ok() && scorings[i].position < scorings[i].sequence->length())
        group_.push_back(i);
    if (group_.empty()) return;
    score_together(scorings, statuses);
  }
}

void Carrier::score_together(std::span<BlockScoring> scorings, std::span<Status> statuses) {
  const auto rows = static_cast<size_t>(parts_.score->rows());
  const auto scoring_of = [&](size_t lane) -> BlockScoring& { return scorings[group_[lane]]; };
  calls_.clear();
  for (const size_t i : group_) calls_.push_back(next_score(scorings[i]));
  make_lanes([&](size_t lane) { return Trip{.sequence = scoring_of(lane).sequence}; });
  padded_targets_.assign(group_.size() * rows, 0);
  for (size_t lane = 0; lane < group_.size(); ++lane) {
    const BlockScoring& scoring = scoring_of(lane);
    const auto targets = std::span(padded_targets_).subspan(lane * rows, rows);
    const auto count = static_cast<size_t>(calls_[lane].end - scoring.position);
    std::ranges::copy(scoring.targets.first(count),
                      targets.begin() + (scoring.position - calls_[lane].start));
    lanes_[lane].targets = targets;
  }
  if (Status status = run_lanes(); !status.ok()) {
    for (const size_t i : group_) scorings[i].sequence->clear_rows(scorings[i].sequence->cached());
    if (group_.size() == 1) {
      statuses[group_[0]] = std::move(status);
      return;
    }
    // Each alone shows whose error it is.
    const std::vector<size_t> group = group_;
    for (const size_t i : group) {
      group_.assign(1, i);
      score_together(scorings, statuses);
    }
    return;
  }
  for (size_t lane = 0; lane < group_.size(); ++lane) {
    const Call& call = calls_[lane];
    BlockScoring& scoring = scoring_of(lane);
    CachedSequence& sequence = *scoring.sequence;
    counters_.prefill_tokens += rows;
    ++counters_.calls;
    sequence.set_cached(std::max(sequence.cached(), call.end));
    sequence.use_rows(parts_.score->used_rows(lane));
    sequence.clear_rows(sequence.cached());
    for (; scoring.position < call.end && statuses[group_[lane]].ok(); ++scoring.position) {
      auto score = parts_.score->score(scoring.position - call.start, scoring.targets[0], lane);
      if (!score.ok()) {
        statuses[group_[lane]] = score.error();
        break;
      }
      scoring.scores[0] = *score;
      scoring.targets = scoring.targets.subspan(1);
      scoring.scores = scoring.scores.subspan(1);
    }
  }
}

}  // namespace anemone::lm
