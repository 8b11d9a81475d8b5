#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lm/cached_sequence.h"
#include "lm/row_sink.h"
#include "lm/static_cache_parts.h"

namespace anemone::lm {

/// What a sequence wants: tokens of its own up to `end` in its cache.
struct Trip {
  CachedSequence* sequence = nullptr;
  int64_t end = 0;
  int64_t first_row = 0;    ///< rows from this position on go to the sink.
  RowSink* sink = nullptr;  ///< null: no rows are wanted.
};

/// Tokens of a sequence, which has them already, that are scored in blocks.
struct BlockScoring {
  CachedSequence* sequence = nullptr;
  int64_t position = 0;  ///< of the next token that has no score yet; moves on to the end.
  std::span<const int32_t> targets;  ///< from the first one on, as many as tokens are left.
  std::span<TokenScore> scores;
};

/// Carries sequences through the passes of a model with a fixed context.
///
/// Blocks carry full blocks only, at positions before the rotating window; every other token goes
/// by the step. A model without a step function pads its last block: rows after the sequence write
/// cache slots that the mask hides and later tokens overwrite.
class Carrier {
 public:
  Carrier(StaticCacheParts parts, bool single_steps);

  const StaticCacheParts& parts() const { return parts_; }
  const WorkCounters& counters() const { return counters_; }
  /// Sequences that are carried at once, at most.
  int64_t lockstep_sequences() const;
  /// Steps of one sequence, too.
  bool joins_positions() const { return joins_positions_; }
  bool block_gives_rows() const { return block_gives_rows_; }
  /// Calls body(i) for each i below `count` on the threads that run the model.
  void share_work(size_t count, const std::function<void(size_t)>& body) const;

  /// Carries one sequence. Tokens after the end go along only with a padded block.
  Status carry(const Trip& trip);
  /// Carries all of them in lockstep; the results are those of `carry`. The failure of one does not
  /// concern the others.
  void carry_many(std::span<const Trip> trips, std::span<Status> statuses);
  /// Carries all tokens and scores those from `position` on by the pass that scores, in lockstep.
  /// The failure of one does not concern the others.
  void score_blocks(std::span<BlockScoring> scorings, std::span<Status> statuses);
  /// The token that the model itself chose after the last step of `length` tokens.
  Result<int32_t> argmax(int64_t length) const;

 private:
  /// Tokens [start, end) of a sequence, of which the first may be in its cache already: those of a
  /// block, or steps in lockstep.
  struct Call {
    Pipeline* pipeline = nullptr;
    int64_t start = 0;
    int64_t end = 0;
    size_t first_lane = 0;
    size_t lanes() const { return pipeline->rows() == 1 ? static_cast<size_t>(end - start) : 1; }
  };
  /// Of the tokens from `position` on.
  Call next_call(const Trip& trip, int64_t position);
  /// With as many steps as are in the trip before a block, at most `most`.
  Call next_steps(const Trip& trip, int64_t most);
  bool block_fits(int64_t position, int64_t remaining, bool rows_wanted) const;
  /// The largest of the smaller blocks for `remaining` tokens of which no rows are wanted; null:
  /// none fits.
  Pipeline* smaller_block(int64_t position, int64_t remaining, bool rows_wanted);
  /// After a call: rows from the one returned on are new.
  int64_t advance(const Trip& trip, const Call& call);
  /// Rows from `first` on to the sink. Of several trips on several threads.
  Status hand_rows(const Trip& trip, const Call& call, int64_t first) const;
  Status finish(const Trip& trip, const Call& call) {
    return hand_rows(trip, call, advance(trip, call));
  }
  /// After a call that failed: a rotating cache may have shifted some of its parts, and rows behind
  /// the cached ones hold what must not be met again.
  void give_up(const Trip& trip, const Call& call);
  /// Makes `group_` of trips whose next calls go by one pass, of blocks or of steps.
  void find_group(std::span<const Trip> trips, std::span<const Status> statuses, bool blocks);
  /// Lanes of the next call where this many are left, of which all calls have about as many.
  int64_t share_of_lanes(int64_t left) const;
  /// One call of the trips of `group_`.
  void call_together(std::span<const Trip> trips, std::span<Status> statuses);
  /// The block of the next tokens without a score.
  Call next_score(const BlockScoring& scoring);
  /// One block of the scorings of `group_`.
  void score_together(std::span<BlockScoring> scorings, std::span<Status> statuses);
  /// Makes `lanes_` of `calls_`, whose sequences these are, and who want logits from a position on.
  /// Blocks are padded with zeros.
  template <typename TripOf>
  void make_lanes(const TripOf& trip_of);
  Status run_lanes();

  StaticCacheParts parts_;
  bool single_steps_;
  bool block_gives_rows_;
  bool joins_positions_;  ///< steps of one sequence run in lockstep.
  WorkCounters counters_;
  std::vector<int32_t> padded_;          ///< tokens, by lane.
  std::vector<int32_t> padded_targets_;  ///< by lane.
  std::vector<Trip> approaches_;         ///< to the first blocks that are scored.
  std::vector<size_t> order_;            ///< of trips.
  std::vector<size_t> group_;            ///< of trips or scorings.
  std::vector<Call> calls_;              ///< by place in the group.
  std::vector<Pipeline::Lane> lanes_;
  std::vector<int64_t> first_rows_;  ///< new ones, by place in the group.
  size_t last_lane_ = 0;             ///< of the last step that was carried.
};

}  // namespace anemone::lm
