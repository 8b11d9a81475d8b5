#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/text.h"
#include "base/error.h"

namespace anemone::generate {

inline constexpr int64_t kLetters = 6;  // a … f; f ends nothing

/// Prefers the letter `step` after the last one, with a second choice two further; after c, `turn`.
class AlphabetModel : public lm::LanguageModel {
 public:
  explicit AlphabetModel(int32_t step = 1, int32_t turn = 3, int64_t vocab_size = kLetters)
      : step_(step), turn_(turn) {
    info_.name = "alphabet";
    info_.vocab_size = vocab_size;
    info_.context_length = 40;
  }
  const lm::ModelInfo& info() const override { return info_; }
  std::unique_ptr<lm::Sequence> new_sequence() override { return std::make_unique<Tokens>(); }
  Status extend(lm::Sequence& sequence, std::span<const int32_t> tokens, lm::Rows,
                std::span<float> logits) override {
    auto& list = static_cast<Tokens&>(sequence).list;
    list.insert(list.end(), tokens.begin(), tokens.end());
    std::ranges::fill(logits, 0.0F);
    const size_t rows = logits.size() / kLetters;
    for (size_t row = 0; row < rows; ++row) {
      const int32_t last = list[list.size() - rows + row];
      const int32_t next = last == 2 ? turn_ : last + step_;
      const auto logit = logits.subspan(row * kLetters, kLetters);
      logit[static_cast<size_t>(next % kLetters)] = 2;
      logit[static_cast<size_t>((next + 2) % kLetters)] = broken ? nan : 1;
    }
    return {};
  }
  Result<int32_t> extend_greedy(lm::Sequence&, std::span<const int32_t>) override {
    return Error{ErrorCode::unsupported, "generate takes logits where it gets them", {}, {}};
  }
  lm::WorkCounters counters() const override { return {}; }

  bool broken = false;

 private:
  struct Tokens : lm::Sequence {
    std::vector<int32_t> list;
    std::span<const int32_t> tokens() const override { return list; }
    std::unique_ptr<lm::Sequence> fork() const override { return std::make_unique<Tokens>(*this); }
    void truncate(int64_t length) override { list.resize(static_cast<size_t>(length)); }
    uint64_t size_bytes() const override { return 0; }
  };
  int32_t step_;
  int32_t turn_;
  static constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  lm::ModelInfo info_;
};

inline Result<text::Tokenizer> alphabet_tokenizer() {
  return text::Tokenizer::parse(
      R"({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
          "post_processor": null, "decoder": {"type": "Fuse"}, "model": {"type": "BPE",
          "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5}, "merges": []}})");
}

}  // namespace anemone::generate
