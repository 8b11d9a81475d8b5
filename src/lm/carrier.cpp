#include "lm/carrier.h"

#include <algorithm>

#include "base/check.h"

namespace anemone::lm {
namespace {

/// Beyond this many rows a product of one step costs nearly as much again for every row.
constexpr size_t kMostLanes = 16;

}  // namespace

Carrier::Carrier(StaticCacheParts parts, bool single_steps)
    : parts_(std::move(parts)), single_steps_(single_steps && parts_.step.has_value()) {
  block_gives_rows_ = parts_.info.gives_logits && gives_all_rows(parts_.block);
  if (parts_.score && !single_steps_) parts_.info.score_block_tokens = parts_.score->rows();
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

void Carrier::pad(const CachedSequence& sequence, int64_t start, int64_t end, int64_t rows) {
  padded_.assign(static_cast<size_t>(rows), 0);
  std::ranges::copy(
      sequence.tokens().subspan(static_cast<size_t>(start), static_cast<size_t>(end - start)),
      padded_.begin());
}

Pipeline::Lane Carrier::lane_of(CachedSequence& sequence, const Call& call,
                                std::span<const int32_t> tokens) {
  const int64_t used = sequence.used_rows();
  sequence.use_rows(call.start + call.pipeline->rows());
  return {tokens, call.start, &sequence.state(), {}, used};
}

Status Carrier::run(const Trip& trip, const Call& call) {
  pad(*trip.sequence, call.start, call.end, call.pipeline->rows());
  const Status status = call.pipeline->run(lane_of(*trip.sequence, call, padded_));
  if (status.ok()) return finish(trip, call, 0);
  give_up(trip, call);
  return status;
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
  while (trip.sequence->cached() < trip.end) ANEMONE_RETURN_IF_ERROR(run(trip, next_call(trip)));
  return {};
}

void Carrier::carry_many(std::span<const Trip> trips, std::span<Status> statuses) {
  const auto is_under_way = [&](size_t i) {
    return statuses[i].ok() && trips[i].sequence->cached() < trips[i].end;
  };
  // Blocks use each weight for many rows as it is.
  for (size_t i = 0; i < trips.size(); ++i)
    while (is_under_way(i)) {
      const Call call = next_call(trips[i]);
      if (call.pipeline->rows() > 1)
        statuses[i] = run(trips[i], call);
      else
        break;
    }
  for (;;) {
    group_.clear();
    calls_.clear();
    for (size_t i = 0; i < trips.size() && group_.size() < kMostLanes; ++i) {
      if (!is_under_way(i)) continue;
      const Call call = next_call(trips[i]);
      if (!calls_.empty() && call.pipeline != calls_[0].pipeline) continue;
      group_.push_back(i);
      calls_.push_back(call);
    }
    if (group_.empty()) return;
    if (calls_[0].pipeline->rows() > 1)
      statuses[group_[0]] = run(trips[group_[0]], calls_[0]);
    else
      step_together(trips, statuses);
  }
}

void Carrier::step_together(std::span<const Trip> trips, std::span<Status> statuses) {
  Pipeline& pipeline = *calls_[0].pipeline;
  lanes_.clear();
  for (size_t lane = 0; lane < group_.size(); ++lane) {
    CachedSequence& sequence = *trips[group_[lane]].sequence;
    lanes_.push_back(
        lane_of(sequence, calls_[lane],
                sequence.tokens().subspan(static_cast<size_t>(calls_[lane].start), 1)));
  }
  Status status = pipeline.reserve(lanes_.size());
  if (status.ok()) status = pipeline.run(lanes_);
  if (status.ok()) {
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

Status Carrier::score_blocks(CachedSequence& sequence, int64_t first,
                             std::span<const int32_t> targets, std::span<TokenScore> scores) {
  const int64_t rows = parts_.score->rows();
  const auto start_of = [&](int64_t position) {
    return std::min(position / rows * rows, parts_.info.context_length - rows);
  };
  ANEMONE_RETURN_IF_ERROR(carry({&sequence, start_of(first), start_of(first), nullptr}));
  for (int64_t position = first; position < sequence.length();) {
    const int64_t start = start_of(position);
    const int64_t end = std::min(start + rows, sequence.length());
    pad(sequence, start, end, rows);
    padded_targets_.assign(static_cast<size_t>(rows), 0);
    std::ranges::copy(
        targets.subspan(static_cast<size_t>(position - first), static_cast<size_t>(end - position)),
        padded_targets_.begin() + (position - start));
    Pipeline::Lane lane = lane_of(sequence, {&*parts_.score, start, end}, padded_);
    lane.targets = padded_targets_;
    ANEMONE_RETURN_IF_ERROR(parts_.score->run(lane));
    counters_.prefill_tokens += static_cast<uint64_t>(rows);
    ++counters_.calls;
    sequence.set_cached(std::max(sequence.cached(), end));
    sequence.use_rows(parts_.score->used_rows(0));
    sequence.clear_rows(sequence.cached());
    for (; position < end; ++position) {
      const auto at = static_cast<size_t>(position - first);
      ANEMONE_TRY(scores[at], parts_.score->score(position - start, targets[at]));
    }
  }
  return {};
}

}  // namespace anemone::lm
