#pragma once

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

  /// Carries one sequence. Tokens after the end go along only with a padded block.
  Status carry(const Trip& trip);
  /// Carries all of them, the steps in lockstep; the results are those of `carry`. The failure of
  /// one does not concern the others.
  void carry_many(std::span<const Trip> trips, std::span<Status> statuses);
  /// Carries all tokens and scores those from `first` on by the pass that scores.
  Status score_blocks(CachedSequence& sequence, int64_t first, std::span<const int32_t> targets,
                      std::span<TokenScore> scores);
  /// The token that the model itself chose after the last step of `length` tokens.
  Result<int32_t> argmax(int64_t length) const;

 private:
  /// Tokens [start, end) of a sequence, of which the first may be in its cache already.
  struct Call {
    Pipeline* pipeline = nullptr;
    int64_t start = 0;
    int64_t end = 0;
  };
  Call next_call(const Trip& trip);
  bool block_fits(int64_t position, int64_t remaining, bool rows_wanted) const;
  /// The largest of the smaller blocks for `remaining` tokens of which no rows are wanted; null:
  /// none fits.
  Pipeline* smaller_block(int64_t position, int64_t remaining, bool rows_wanted);
  /// One lane of a call that is about to be made.
  static Pipeline::Lane lane_of(CachedSequence& sequence, const Call& call,
                                std::span<const int32_t> tokens);
  Status run(const Trip& trip, const Call& call);
  /// After a call whose results are those of `lane`.
  Status finish(const Trip& trip, const Call& call, size_t lane);
  /// After a call that failed: a rotating cache may have shifted some of its parts.
  void give_up(const Trip& trip, const Call& call);
  /// One step of the trips of `group_`, all by one pass.
  void step_together(std::span<const Trip> trips, std::span<Status> statuses);
  /// Makes `padded_` tokens [start, end) and zeros.
  void pad(const CachedSequence& sequence, int64_t start, int64_t end, int64_t rows);

  StaticCacheParts parts_;
  bool single_steps_;
  bool block_gives_rows_;
  WorkCounters counters_;
  std::vector<int32_t> padded_;
  std::vector<int32_t> padded_targets_;
  std::vector<size_t> group_;  ///< of trips.
  std::vector<Call> calls_;    ///< by place in the group.
  std::vector<Pipeline::Lane> lanes_;
};

}  // namespace anemone::lm
