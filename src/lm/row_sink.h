#pragma once

#include <span>

#include "anemone/language_model.h"

namespace anemone::lm {

/// What becomes of rows of logits, one after the other. Several are used by several threads.
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Where row `row` of the wanted ones is to be written.
  virtual std::span<float> place(int64_t row) = 0;
  /// The row has been written.
  virtual Status take(int64_t row) = 0;
};

/// Keeps all rows.
class KeptRows final : public RowSink {
 public:
  KeptRows(std::span<float> logits, int64_t vocab_size)
      : logits_(logits), vocab_size_(static_cast<size_t>(vocab_size)) {}
  std::span<float> place(int64_t row) override {
    return logits_.subspan(static_cast<size_t>(row) * vocab_size_, vocab_size_);
  }
  Status take(int64_t) override { return {}; }

 private:
  std::span<float> logits_;
  size_t vocab_size_;
};

/// Keeps of each row the score of its target; `row` [V] holds one row after the other.
class ScoredRows final : public RowSink {
 public:
  ScoredRows(std::span<float> row, std::span<const int32_t> targets, std::span<TokenScore> scores)
      : row_(row), targets_(targets), scores_(scores) {}
  std::span<float> place(int64_t) override { return row_; }
  Status take(int64_t row) override {
    const auto at = static_cast<size_t>(row);
    ANEMONE_TRY(scores_[at], score_token(row_, targets_[at]));
    return {};
  }

 private:
  std::span<float> row_;
  std::span<const int32_t> targets_;
  std::span<TokenScore> scores_;
};

}  // namespace anemone::lm
