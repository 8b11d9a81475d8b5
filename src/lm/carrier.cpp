#include "lm/carrier.h"

#include <algorithm>

#include "base/check.h"

namespace anemone::lm {
namespace {

/// Every thread gets a group of lanes. One of 16 is no faster than one of 8 (embedded model), so
/// more lanes are for more threads.
constexpr size_t kMostLanes = 32;

/// Blocks in lockstep keep threads busy that one block leaves idle; each has buffers of its own.
constexpr size_t kMostBlockLanes = 4;

}  // namespace

Carrier::Carrier(StaticCacheParts parts, bool single_steps)
    : parts_(std::move(parts)), single_steps_(single_steps && parts_.step.has_value()) {
  block_gives_rows_ = parts_.info.gives_logits && gives_all_rows(parts_.block);
  if (parts_.score && !single_steps_) parts_.info.score_block_tokens = parts_.score->rows();
}

int64_t Carrier::lockstep_sequences() const {
  return parts_.step ? static_cast<int64_t>(kMostLanes) : 1;
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

Carrier::Call Carrier::next_call(const Trip& trip) {
  const int64_t position = trip.sequence->cached();
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

Pipeline::Lane Carrier::lane_of(CachedSequence& sequence, const Call& call,
                                std::span<const int32_t> tokens) {
  const int64_t used = sequence.used_rows();
  sequence.use_rows(call.start + call.pipeline->rows());
  return {tokens, call.start, &sequence.state(), {}, used};
}

template <typename Sequences>
void Carrier::make_lanes(const Sequences& sequence_of) {
  const auto rows = static_cast<size_t>(calls_[0].pipeline->rows());
  padded_.assign(calls_.size() * rows, 0);
  lanes_.clear();
  for (size_t lane = 0; lane < calls_.size(); ++lane) {
    const Call& call = calls_[lane];
    CachedSequence& sequence = sequence_of(lane);
    const auto tokens = std::span(padded_).subspan(lane * rows, rows);
    std::ranges::copy(sequence.tokens().subspan(static_cast<size_t>(call.start),
                                                static_cast<size_t>(call.end - call.start)),
                      tokens.begin());
    lanes_.push_back(lane_of(sequence, call, tokens));
  }
}

Status Carrier::run_lanes() {
  Pipeline& pipeline = *calls_[0].pipeline;
  ANEMONE_RETURN_IF_ERROR(pipeline.reserve(lanes_.size()));
  return pipeline.run(lanes_);
}

void Carrier::give_up(const Trip& trip, const Call& call) {
  const bool rotates = parts_.step_rotate && call.pipeline == &*parts_.step_rotate;
  if (rotates) trip.sequence->set_cached(0);
}

Status Carrier::finish(const Trip& trip, const Call& call, size_t lane) {
  const int64_t rows = call.pipeline->rows();
  (rows == 1 ? counters_.step_tokens : counters_.prefill_tokens) += static_cast<uint64_t>(rows);
  ++counters_.calls;
  const int64_t position = trip.sequence->cached();
  trip.sequence->set_cached(call.end);
  trip.sequence->use_rows(call.pipeline->used_rows(lane));
  trip.sequence->clear_rows(call.end);
  if (trip.sink == nullptr) return {};
  for (int64_t row = std::max(trip.first_row, position); row < call.end; ++row) {
    call.pipeline->copy_logits(row - call.start, trip.sink->place(row - trip.first_row), lane);
    ANEMONE_RETURN_IF_ERROR(trip.sink->take(row - trip.first_row));
  }
  return {};
}

Status Carrier::carry(const Trip& trip) {
  while (trip.sequence->cached() < trip.end) {
    calls_.assign(1, next_call(trip));
    make_lanes([&](size_t) -> CachedSequence& { return *trip.sequence; });
    if (Status status = run_lanes(); !status.ok()) {
      give_up(trip, calls_[0]);
      return status;
    }
    ANEMONE_RETURN_IF_ERROR(finish(trip, calls_[0], 0));
  }
  return {};
}

void Carrier::find_group(std::span<const Trip> trips, std::span<const Status> statuses,
                         bool blocks) {
  group_.clear();
  calls_.clear();
  const size_t most = blocks ? kMostBlockLanes : kMostLanes;
  for (size_t i = 0; i < trips.size() && group_.size() < most; ++i) {
    if (!statuses[i].ok() || trips[i].sequence->cached() >= trips[i].end) continue;
    const Call call = next_call(trips[i]);
    if ((call.pipeline->rows() > 1) != blocks) continue;
    if (!calls_.empty() && call.pipeline != calls_[0].pipeline) continue;
    group_.push_back(i);
    calls_.push_back(call);
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
  make_lanes([&](size_t lane) -> CachedSequence& { return *trips[group_[lane]].sequence; });
  if (run_lanes().ok()) {
    for (size_t lane = 0; lane < group_.size(); ++lane)
      statuses[group_[lane]] = finish(trips[group_[lane]], calls_[lane], lane);
    return;
  }
  // Each alone shows whose error it is.
  for (size_t lane = 0; lane < group_.size(); ++lane) give_up(trips[group_[lane]], calls_[lane]);
  for (const size_t i : group_) statuses[i] = carry(trips[i]);
}

Result<int32_t> Carrier::argmax(int64_t length) const {
  const bool rotated = parts_.step_rotate && length > parts_.window;
  return (rotated ? *parts_.step_rotate : *parts_.step).argmax(parts_.argmax_parts);
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
  make_lanes([&](size_t lane) -> CachedSequence& { return *scoring_of(lane).sequence; });
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
