#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"

namespace anemone::eval {

/// A model's memory of one sequence that is led through a tree: forwards by running tokens, back by
/// forgetting them. What a model cannot forget (a window that rotates has lost its oldest tokens)
/// comes from copies that were kept on the way, or runs again.
class ModelPath {
 public:
  /// Copies take `budget_bytes` at most.
  ModelPath(lm::LanguageModel& model, uint64_t budget_bytes);

  size_t length() const { return static_cast<size_t>(sequence_->length()); }
  uint64_t tokens_run() const { return tokens_run_; }
  uint64_t copied_bytes() const { return copied_bytes_; }

  /// Makes `tokens` the sequence. Errors: those of LanguageModel::extend.
  Status move_to(std::span<const int32_t> tokens);

  /// As LanguageModel::extend.
  Status extend(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits);

  /// Whether tokens can be forgotten when the sequence has become that long.
  bool forgets_at(size_t length) const {
    return static_cast<int64_t>(length) <= sequence_->rollback_limit();
  }

  /// Keeps a copy of the sequence as it is, if there is none yet and the budget allows it.
  void keep();

 private:
  void trim_copies(std::span<const int32_t> tokens);
  void drop_copy();

  lm::LanguageModel* model_;
  uint64_t budget_bytes_;
  uint64_t copied_bytes_ = 0;
  uint64_t tokens_run_ = 0;
  std::unique_ptr<lm::Sequence> sequence_;
  std::vector<std::unique_ptr<lm::Sequence>> copies_;  ///< each longer than the one before.
};

}  // namespace anemone::eval
