#pragma once

#include <cmath>
#include <vector>

#include "anemone/language_model.h"

namespace anemone::generate {

/// Says nothing that makes sense: logits are drawn anew for each text.
class RandomModel : public lm::LanguageModel {
 public:
  RandomModel(int64_t vocab_size, uint64_t seed, int64_t context = 2048) : seed_(seed) {
    info_.name = "random";
    info_.vocab_size = vocab_size;
    info_.context_length = context;
  }
  const lm::ModelInfo& info() const override { return info_; }
  std::unique_ptr<lm::Sequence> new_sequence() override { return std::make_unique<Tokens>(); }
  Status extend(lm::Sequence& sequence, std::span<const int32_t> tokens, lm::Rows rows,
                std::span<float> logits) override {
    auto& list = static_cast<Tokens&>(sequence).list;
    if (static_cast<int64_t>(list.size() + tokens.size()) > info_.context_length)
      return Error{ErrorCode::out_of_range, "the context is full", {}, {}};
    const auto width = static_cast<size_t>(info_.vocab_size);
    for (size_t i = 0; i < tokens.size(); ++i) {
      list.push_back(tokens[i]);
      if (rows == lm::Rows::all) draw(list, logits.subspan(i * width, width));
    }
    if (rows == lm::Rows::last) draw(list, logits);
    ++calls_;
    return {};
  }
  Result<int32_t> extend_greedy(lm::Sequence&, std::span<const int32_t>) override {
    return Error{ErrorCode::unsupported, "this model gives logits", {}, {}};
  }
  lm::WorkCounters counters() const override { return {.calls = calls_}; }

 private:
  struct Tokens : lm::Sequence {
    std::vector<int32_t> list;
    std::span<const int32_t> tokens() const override { return list; }
    std::unique_ptr<lm::Sequence> fork() const override { return std::make_unique<Tokens>(*this); }
    void truncate(int64_t length) override { list.resize(static_cast<size_t>(length)); }
    uint64_t size_bytes() const override { return 0; }
  };

  static uint64_t mixed(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  }
  /// Depends on all tokens, so that a wrong one before it shows.
  void draw(const std::vector<int32_t>& list, std::span<float> logits) const {
    uint64_t state = seed_;
    for (const int32_t token : list) state = mixed(state + static_cast<uint64_t>(token) + 1);
    for (float& logit : logits) {
      state += 0x9e3779b97f4a7c15;
      logit = static_cast<float>(mixed(state) >> 40) * 0x1p-22F;  // 0 to 4
    }
  }

  uint64_t seed_;
  uint64_t calls_ = 0;
  lm::ModelInfo info_;
};

}  // namespace anemone::generate
