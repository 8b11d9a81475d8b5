#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"

namespace anemone::eval {

/// Memory for the states of a model beside the first one, which must be there.
class StateBudget {
 public:
  explicit StateBudget(uint64_t bytes) : left_(bytes) {}
  bool take(uint64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  void give_back(uint64_t bytes) { left_ += bytes; }

 private:
  uint64_t left_;
};

/// A model's memory of one sequence that is led through a tree: forwards by running tokens, back by
/// forgetting them. What a model cannot forget (a window that rotates has lost its oldest tokens)
/// comes from copies that were kept on the way, or runs again.
class ModelPath {
 public:
  /// Copies are taken from `budget`; both outlive the path.
  ModelPath(lm::LanguageModel& model, StateBudget& budget);

  size_t length() const { return static_cast<size_t>(sequence_->length()); }
  uint64_t tokens_run() const { return tokens_run_; }
  /// Tokens run since this was asked last.
  uint64_t take_tokens_run();
  uint64_t state_bytes() const { return sequence_->size_bytes(); }

  /// Makes `tokens` the sequence. Errors: those of LanguageModel::extend.
  Status move_to(std::span<const int32_t> tokens);

  /// As LanguageModel::extend.
  Status extend(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits);
  /// This sequence's share of LanguageModel::extend_many, whose tokens count as run.
  lm::Extension extension(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits);
  /// Its share of LanguageModel::score_many, by blocks; these tokens count as run, too.
  lm::Scoring scoring(std::span<const int32_t> tokens, std::span<const int32_t> targets,
                      std::span<lm::TokenScore> scores);

  /// Whether tokens can be forgotten when the sequence has become that long.
  bool forgets_at(size_t length) const {
    return static_cast<int64_t>(length) <= sequence_->rollback_limit();
  }
  /// Whether the model always forgets.
  bool forgets() const;
  /// Whether `move_to` would run no token.
  bool reaches(std::span<const int32_t> tokens) const { return source_of(tokens) != nullptr; }

  /// Becomes a path at `tokens`, which `other` reaches.
  void join(const ModelPath& other, std::span<const int32_t> tokens);

  /// Keeps a copy of the sequence as it is, if there is none yet and the budget allows it.
  void keep();

  /// Leaves no token in the model and no copy.
  void forget_all();

 private:
  struct Copy {
    std::unique_ptr<lm::Sequence> sequence;
    uint64_t bytes = 0;  ///< taken from the budget.
  };

  const lm::Sequence* source_of(std::span<const int32_t> tokens) const;
  void trim_copies(std::span<const int32_t> tokens);
  void drop_copy();

  lm::LanguageModel* model_;
  StateBudget* budget_;
  uint64_t tokens_run_ = 0;
  uint64_t tokens_told_ = 0;
  std::unique_ptr<lm::Sequence> sequence_;
  std::vector<Copy> copies_;  ///< each longer than the one before.
};

}  // namespace anemone::eval
