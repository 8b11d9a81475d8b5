#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/model.h"
#include "lm/interface.h"

namespace anemone::lm {

/// One pass of `rows` tokens through the packages of a model: embeddings, chunks, head, or a single
/// package that does it all. Each stage's hidden states are copied into the next one's input.
/// States are fed by position; the causal mask hides every column after a row's own position, the
/// window mask also those that are `window` or more before it.
class Pipeline {
 public:
  struct Stage {
    std::string label;  ///< "chunk 2 of 4, infer", for messages.
    std::unique_ptr<runtime::Runner> runner;
    Interface interface;
    int64_t window = 0;    ///< tokens that a row of the window mask shows.
    bool is_head = false;  ///< makes logits of hidden states and keeps no state.
    /// Makes another runner of the same function, for a lane.
    std::function<Result<std::unique_ptr<runtime::Runner>>()> another;
  };

  /// One sequence's part of a run: exactly `rows` tokens at positions `position` …; `targets`, as
  /// many, are for a pass that scores.
  struct Lane {
    std::span<const int32_t> tokens;
    int64_t position = 0;
    runtime::State* state = nullptr;
    std::span<const int32_t> targets;
    int64_t used_rows = -1;  ///< from here on all rows of the states are zeros, if not negative.
    bool wants_logits = true;
  };

  /// Checks that hidden shapes of neighbours agree. Errors: mismatch (names both stages and
  /// shapes), unsupported (a first stage that is not fed by tokens).
  static Result<Pipeline> make(int64_t rows, std::vector<Stage> stages);

  int64_t rows() const { return rows_; }
  /// Logits leave the last stage for this many of the rows: all, one, or 0 when none do.
  int64_t logits_rows() const { return logits_rows_; }
  int64_t vocab_size() const { return vocab_size_; }
  /// Outputs that together hold the logits of a row.
  int64_t logits_parts() const;
  bool gives_argmax() const { return !stages_.back().interface.argmax_index.empty(); }
  bool gives_scores() const { return stages_.back().interface.gives_scores(); }

  /// Makes buffers for as many lanes, if there are fewer. Errors: those of Model::prepare.
  Status reserve(size_t lanes);
  /// Lanes may be neighbouring positions of one sequence, in order, with one state.
  bool carries_positions() const;
  /// Runs lanes in lockstep: each weight is read once for all, with the results of separate runs.
  /// CHECKs that there are buffers for them. An error is that of one lane.
  Status run(std::span<const Lane> lanes);
  Status run(const Lane& lane) { return run(std::span(&lane, 1)); }
  /// Calls body(i) for each i below `count` on the threads that run the last stage.
  void share_work(size_t count, const std::function<void(size_t)>& body) const;

  /// From this row on the last run, which succeeded, left the lane's states as they were.
  int64_t used_rows(size_t lane) const;
  /// Copies one row of logits that the last run gave for a lane.
  void copy_logits(int64_t row, std::span<float> logits, size_t lane = 0) const;
  /// The score of `target` in one row of a lane of the last run of a pass that scores: the target
  /// that the row was given. Errors: out_of_range (as score_token).
  Result<TokenScore> score(int64_t row, int32_t target, size_t lane) const;
  /// Errors: mismatch when the arg max outputs do not have one value for each part.
  Status check_argmax(std::span<const int64_t> part_sizes) const;
  /// The token that the model itself chose in the last run (a model with an arg max inside). Ties
  /// go to the lower part.
  /// Errors: out_of_range (an index outside its part or no integer; a value that is NaN).
  Result<int32_t> argmax(std::span<const int64_t> part_sizes, size_t lane) const;

 private:
  /// A last stage for logits alone, which only those run that want them.
  bool is_head(size_t stage) const {
    return stage > 0 && stage + 1 == stages_.size() && stages_[stage].is_head;
  }
  /// Whose outputs are those of a lane.
  const runtime::Runner& logits_runner(size_t lane) const;
  /// Gives the runners of a stage what their lanes, `fed_`, take.
  void feed(size_t stage, std::span<const Lane> lanes) const;
  void feed_inputs(const Stage& stage, runtime::Runner& runner, const Lane& lane) const;

  int64_t rows_ = 0;
  int64_t logits_rows_ = 0;
  int64_t vocab_size_ = 0;
  std::vector<Stage> stages_;
  std::vector<std::string> logits_outputs_;
  std::vector<std::unique_ptr<runtime::Runner>> more_;  ///< of lanes after the first.
  std::vector<std::vector<runtime::Runner*>> lanes_;    ///< by stage: the runner of each lane.
  std::vector<size_t> logits_lanes_;                    ///< by lane: who ran the last stage for it.
  std::vector<runtime::Runner*> runners_;               ///< of a stage under way.
  std::vector<size_t> fed_;                             ///< their lanes.
  std::vector<runtime::State*> states_;
};

}  // namespace anemone::lm
