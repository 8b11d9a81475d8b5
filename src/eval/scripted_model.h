#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "anemone/language_model.h"
#include "base/error.h"
#include "lm/lockstep.h"

namespace anemone::eval {

/// A language model for tests: its logits after some tokens are a function of those tokens alone.
class ScriptedModel : public lm::LanguageModel, public lm::Lockstep {
 public:
  using Logits = std::function<std::vector<float>(std::span<const int32_t> tokens)>;

  ScriptedModel(int64_t vocabulary, int64_t context, int64_t block, Logits logits)
      : logits_(std::move(logits)) {
    info_.name = "scripted";
    info_.vocab_size = vocabulary;
    info_.context_length = context;
    info_.prefill_block_tokens = block;
    info_.hash = "0";
  }

  const lm::ModelInfo& info() const override { return info_; }
  lm::ModelInfo& mutable_info() { return info_; }

  std::unique_ptr<lm::Sequence> new_sequence() override {
    ++sequences;
    return std::make_unique<TokenList>(this);
  }

  Status extend(lm::Sequence& sequence, std::span<const int32_t> tokens, lm::Rows rows,
                std::span<float> logits) override {
    auto& list = static_cast<TokenList&>(sequence).list;
    calls.emplace_back(list.size(), tokens.size());
    if (list.size() + tokens.size() > static_cast<size_t>(info_.context_length))
      return fail(ErrorCode::out_of_range, "the context is full");
    for (const int32_t token : tokens)
      if (token == failing_token && failures_left != 0) {
        --failures_left;
        return fail(failing_code, "token {} fails", token);
      }
    size_t row = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      list.push_back(tokens[i]);
      if (rows == lm::Rows::none || (rows == lm::Rows::last && i + 1 < tokens.size())) continue;
      const auto values = logits_(list);
      std::copy(values.begin(), values.end(),
                logits.begin() + static_cast<std::ptrdiff_t>(row++ * values.size()));
    }
    return {};
  }

  Result<int32_t> extend_greedy(lm::Sequence&, std::span<const int32_t>) override {
    return fail(ErrorCode::unsupported, "not scripted");
  }

  Status score(lm::Sequence& sequence, std::span<const int32_t> tokens,
               std::span<const int32_t> targets, std::span<lm::TokenScore> scores,
               lm::ScoreBy by) override {
    if (by == lm::ScoreBy::blocks) blocks_scored.emplace_back(sequence.length(), tokens.size());
    return lm::LanguageModel::score(sequence, tokens, targets, scores, by);
  }

  lm::WorkCounters counters() const override { return {}; }
  int64_t lockstep_sequences() const override { return lanes; }
  bool joins_positions() const override { return joins; }
  bool blocks_give_rows() const override { return true; }
  void share_work(size_t count, const std::function<void(size_t)>& body) const override {
    for (size_t i = 0; i < count; ++i) body(i);
  }

  void extend_many(std::span<lm::Extension> extensions) override {
    size_t rows = 0;
    for (const lm::Extension& each : extensions)
      rows += each.rows == lm::Rows::all ? each.tokens.size() : 0;
    most_rows = std::max(most_rows, rows);
    lm::LanguageModel::extend_many(extensions);
  }

  bool joins = false;                                    ///< positions of a sequence.
  size_t most_rows = 0;                                  ///< of several sequences at once.
  std::vector<std::pair<size_t, size_t>> calls;          ///< length before, tokens.
  std::vector<std::pair<size_t, size_t>> blocks_scored;  ///< as `calls`, of `score` by blocks.
  int sequences = 0;
  int64_t lanes = 1;
  int32_t failing_token = -1;
  ErrorCode failing_code = ErrorCode::mismatch;
  int failures_left = -1;                      ///< how often the token fails; negative: always.
  static constexpr uint64_t kStateBytes = 40;  ///< of a sequence.
  int64_t rollback_limit = std::numeric_limits<int64_t>::max();
  uint64_t copied_bytes = 0;  ///< of all copies of sequences that are alive.
  uint64_t most_copied_bytes = 0;

 private:
  class TokenList : public lm::Sequence {
   public:
    explicit TokenList(ScriptedModel* model) : model_(model) {}
    ~TokenList() override {
      if (copy_) model_->copied_bytes -= kStateBytes;
    }
    std::span<const int32_t> tokens() const override { return list; }
    std::unique_ptr<lm::Sequence> fork() const override {
      auto copy = std::make_unique<TokenList>(model_);
      copy->list = list;
      copy->copy_ = true;
      model_->copied_bytes += kStateBytes;
      model_->most_copied_bytes = std::max(model_->most_copied_bytes, model_->copied_bytes);
      return copy;
    }
    void truncate(int64_t length) override {
      EXPECT_TRUE(length == 0 || this->length() <= model_->rollback_limit);
      list.resize(static_cast<size_t>(length));
    }
    int64_t rollback_limit() const override { return model_->rollback_limit; }
    uint64_t size_bytes() const override { return kStateBytes; }

    std::vector<int32_t> list;

   private:
    ScriptedModel* model_;
    bool copy_ = false;
  };

  lm::ModelInfo info_;
  Logits logits_;
};

/// Logits that depend on every token before.
inline std::vector<float> mixed_logits(std::span<const int32_t> tokens, int64_t vocabulary,
                                       uint64_t seed) {
  uint64_t state = seed;
  for (const int32_t token : tokens)
    state = (state ^ static_cast<uint64_t>(token + 1)) * 0x9e3779b97f4a7c15u;
  std::vector<float> logits(static_cast<size_t>(vocabulary));
  for (float& logit : logits) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    logit = static_cast<float>(state >> 40) / static_cast<float>(1u << 22) - 2.0f;
  }
  return logits;
}

}  // namespace anemone::eval
