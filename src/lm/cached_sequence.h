#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "anemone/language_model.h"
#include "base/check.h"

namespace anemone::lm {

/// Tokens, and the state that holds what the model remembers of the first `cached` of them.
class CachedSequence : public Sequence {
 public:
  /// `rollback_limit`: from this many cached tokens on, the state cannot be rolled back (a rotating
  /// cache has lost its oldest rows); negative when it always can.
  CachedSequence(runtime::State state, int64_t rollback_limit)
      : state_(std::move(state)),
        rollback_limit_(rollback_limit < 0 ? Sequence::rollback_limit() : rollback_limit) {}

  std::span<const int32_t> tokens() const override { return tokens_; }

  std::unique_ptr<Sequence> fork() const override {
    auto copy = std::make_unique<CachedSequence>(state_.clone(), rollback_limit_);
    copy->tokens_ = tokens_;
    copy->cached_ = cached_;
    return copy;
  }

  void truncate(int64_t length) override {
    ANEMONE_CHECK(length >= 0 && length <= this->length(), "a sequence is only ever shortened");
    tokens_.resize(static_cast<size_t>(length));
    const bool rolls_back = cached_ <= rollback_limit_;
    if (cached_ > length) cached_ = rolls_back ? length : 0;
  }

  int64_t rollback_limit() const override { return rollback_limit_; }

  uint64_t size_bytes() const override {
    return state_.size_bytes() + tokens_.capacity() * sizeof(int32_t);
  }

  runtime::State& state() { return state_; }
  int64_t cached() const { return cached_; }
  void set_cached(int64_t count) { cached_ = count; }
  void append(std::span<const int32_t> tokens) {
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  }

 private:
  std::vector<int32_t> tokens_;
  runtime::State state_;
  int64_t cached_ = 0;
  int64_t rollback_limit_;
};

}  // namespace anemone::lm
