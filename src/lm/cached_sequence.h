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
  /// cache has lost its oldest rows); negative when it always can. `rows_are_positions`: row i of
  /// every tensor [.., rows, D] of the state belongs to token i, as long as nothing has rotated.
  /// `context_length`: room for as many tokens is made at once, unless a file asks for too many.
  CachedSequence(runtime::State state, int64_t rollback_limit, bool rows_are_positions,
                 int64_t context_length)
      : state_(std::move(state)),
        rollback_limit_(rollback_limit < 0 ? Sequence::rollback_limit() : rollback_limit),
        rows_are_positions_(rows_are_positions) {
    constexpr int64_t kMostReserved = int64_t{1} << 17;
    tokens_.reserve(static_cast<size_t>(std::clamp<int64_t>(context_length, 0, kMostReserved)));
  }

  std::span<const int32_t> tokens() const override { return tokens_; }

  std::unique_ptr<Sequence> fork() const override {
    auto copy =
        std::make_unique<CachedSequence>(state_.clone(), rollback_limit_, rows_are_positions_,
                                         static_cast<int64_t>(tokens_.capacity()));
    copy->tokens_ = tokens_;
    copy->cached_ = cached_;
    copy->used_ = used_;
    return copy;
  }

  void truncate(int64_t length) override {
    ANEMONE_CHECK(length >= 0 && length <= this->length(), "a sequence is only ever shortened");
    tokens_.resize(static_cast<size_t>(length));
    const bool rolls_back = cached_ <= rollback_limit_;
    if (cached_ <= length) return;
    if (rolls_back) clear_rows(length);
    cached_ = rolls_back ? length : 0;
  }

  /// All rows of the caches from this on are zeros, which cost the executor nothing; negative when
  /// that is not known.
  int64_t used_rows() const { return rows_are_positions_ ? used_ : -1; }
  /// A call is about to write rows up to `end`.
  void use_rows(int64_t end) { used_ = std::max(used_, end); }
  /// Rows from `first` on hold nothing that counts.
  void clear_rows(int64_t first) {
    const int64_t last = used_;
    if (!rows_are_positions_ || first >= last) return;
    used_ = first;
    for (NamedTensor& named : state_.tensors()) {
      const Shape& shape = named.tensor.shape();
      if (shape.rank() < 2 || shape.element_count() == 0) continue;
      const int64_t rows = shape[shape.rank() - 2];
      const auto bytes = named.tensor.mutable_bytes();
      const auto matrices =
          static_cast<size_t>(shape.element_count() / (rows * shape[shape.rank() - 1]));
      const size_t row = bytes.size() / (matrices * static_cast<size_t>(rows));
      const auto begin = static_cast<size_t>(std::min(first, rows));
      const auto end = static_cast<size_t>(std::min(last, rows));
      for (size_t matrix = 0; matrix < matrices; ++matrix)
        std::ranges::fill(
            bytes.subspan((matrix * static_cast<size_t>(rows) + begin) * row, (end - begin) * row),
            std::byte{0});
    }
  }

  int64_t rollback_limit() const override { return rollback_limit_; }

  Status sync() const override { return state_.sync(); }

  uint64_t size_bytes() const override {
    return state_.size_bytes() + tokens_.capacity() * sizeof(int32_t);
  }

  runtime::State& state() { return state_; }
  const runtime::State& state() const { return state_; }
  int64_t cached() const { return cached_; }
  void set_cached(int64_t count) { cached_ = count; }
  void append(std::span<const int32_t> tokens) {
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  }

 private:
  std::vector<int32_t> tokens_;
  runtime::State state_;
  int64_t cached_ = 0;
  int64_t used_ = 0;
  int64_t rollback_limit_;
  bool rows_are_positions_;
};

}  // namespace anemone::lm
