#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/result.h"
#include "eval/engine.h"
#include "eval/lane.h"
#include "eval/lane_schedule.h"
#include "eval/score_book.h"
#include "eval/token_tree.h"
#include "eval/walk_progress.h"
#include "lm/lockstep.h"

namespace anemone::eval {

/// The way of several lanes through the tree of all questions. Each takes ways as LaneSchedule
/// says; blocks of tokens run on their own, all others in lockstep: all that a lane has where the
/// model takes several tokens of a sequence at once, else as many of each lane as the one with the
/// fewest has; what a way passes is answered when it has run.
class TreeWalk {
 public:
  /// Rows of logits that are held at once where they are more than `most_logits`.
  static constexpr size_t kMostRows = 64;

  /// One lane for each of `paths`.
  TreeWalk(lm::LanguageModel& model, std::span<ModelPath> paths, const Codec& codec,
           std::span<const Question> questions, std::span<const uint32_t> asked, size_t most_logits,
           const Engine::Answered& answered, WalkProgress& progress);

  /// Errors: as Engine::run.
  Status run();

 private:
  /// What a lane runs in this round.
  struct Step {
    Lane* lane = nullptr;
    Lane::Piece piece;
  };

  std::vector<Lane> lanes_on(std::span<ModelPath> paths);
  Status take_ways();
  Status run_round();
  /// Takes tokens off that do not fill a block. False: none does.
  bool cut_to_blocks(const Lane& lane, Lane::Piece& piece) const;
  /// Runs them in one call, and takes them off the list.
  Status run_together(std::vector<Step>& steps);

  Status finish(Lane& lane);
  Status give_up(Lane& lane, const Error& error);
  Status answer(Lane& lane, uint32_t node);
  Response scored(const Lane& lane, const Question& question) const;
  Response generated(Lane& lane, uint32_t node, const Result<int32_t>& first,
                     const GenerationOptions& options);

  lm::LanguageModel& model_;
  const size_t vocabulary_;
  const size_t most_rows_;              ///< of logits, held at once.
  const lm::Lockstep* const lockstep_;  ///< the model, if it is one.
  const bool blocks_give_rows_;
  const bool joins_positions_;  ///< of one sequence.
  const Codec& codec_;
  const std::span<const Question> questions_;
  const Engine::Answered& answered_;
  WalkProgress& progress_;
  TokenTree tree_;
  ScoreBook book_;
  std::vector<Lane> lanes_;
  LaneSchedule schedule_;
  std::vector<Step> blocks_;
  std::vector<Step> steps_;
  std::vector<lm::Extension> extensions_;
  std::vector<float> rows_;
};

}  // namespace anemone::eval
