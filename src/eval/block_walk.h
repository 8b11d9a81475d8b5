#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/result.h"
#include "eval/engine.h"
#include "eval/token_tree.h"
#include "eval/walk_progress.h"

namespace anemone::eval {

/// Questions of the same context and continuation.
struct BlockGroup {
  std::vector<uint32_t> questions;
  size_t shared = 0;  ///< tokens of the context that the group before begins with, too.
};

/// Those of `asked` in the order in which they are scored.
std::vector<BlockGroup> block_groups(std::span<const Question> questions,
                                     std::span<const uint32_t> asked);

/// Tokens that a group runs.
uint64_t tokens_of(const BlockGroup& group, std::span<const Question> questions);

/// Scores questions by whole blocks, a few at the same time. Those that begin alike follow each
/// other on one path, so that their contexts run once.
class BlockWalk {
 public:
  /// Paths that pay: blocks fill a machine sooner than steps do.
  static constexpr size_t kMostPaths = 4;

  BlockWalk(lm::LanguageModel& model, std::span<ModelPath> paths,
            std::span<const Question> questions, std::span<const uint32_t> asked,
            const Engine::Answered& answered, WalkProgress& progress);

  /// Errors: as Engine::run.
  Status run();

 private:
  /// What is scored on a path.
  struct Work {
    ModelPath* path = nullptr;
    size_t next = 0;  ///< group.
    Tokens tokens;    ///< of the question.
    std::vector<lm::TokenScore> scores;
    Status status;
  };

  bool take_group(Work& work);
  void prepare(Work& work);
  Status answer(Work& work);

  lm::LanguageModel& model_;
  std::span<const Question> questions_;
  const Engine::Answered& answered_;
  WalkProgress& progress_;
  std::vector<BlockGroup> groups_;
  size_t taken_ = 0;  ///< groups.
  std::vector<Work> works_;
  std::vector<lm::Scoring> scorings_;
};

}  // namespace anemone::eval
