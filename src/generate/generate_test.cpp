#include "anemone/generate.h"

#include <gtest/gtest.h>

#include <limits>

namespace anemone::generate {
namespace {

constexpr int64_t kLetters = 6;  // a … f; f ends nothing

/// Prefers the letter after the last one, with a second choice two further.
class AlphabetModel : public lm::LanguageModel {
 public:
  AlphabetModel() {
    info_.vocab_size = kLetters;
    info_.context_length = 40;
  }
  const lm::ModelInfo& info() const override { return info_; }
  std::unique_ptr<lm::Sequence> new_sequence() override { return std::make_unique<Tokens>(); }
  Status extend(lm::Sequence& sequence, std::span<const int32_t> tokens, lm::Rows,
                std::span<float> logits) override {
    auto& list = static_cast<Tokens&>(sequence).list;
    list.insert(list.end(), tokens.begin(), tokens.end());
    std::ranges::fill(logits, 0.0F);
    logits[static_cast<size_t>((list.back() + 1) % kLetters)] = 2;
    logits[static_cast<size_t>((list.back() + 3) % kLetters)] = broken ? nan : 1;
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
  static constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  lm::ModelInfo info_;
};

class GenerateTest : public testing::Test {
 protected:
  GenerateTest() {
    auto tokenizer = text::Tokenizer::parse(
        R"({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
            "post_processor": null, "decoder": {"type": "Fuse"}, "model": {"type": "BPE",
            "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5}, "merges": []}})");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().to_string();
    tokenizer_.emplace(*std::move(tokenizer));
  }

  Generation answer(const Options& options, const TextSink& sink = {}) {
    const int32_t prompt[] = {0};
    auto result = generate(model_, *tokenizer_, prompt, options, sink);
    EXPECT_TRUE(result.ok()) << result.error().to_string();
    return result.ok() ? *std::move(result) : Generation{};
  }

  AlphabetModel model_;
  std::optional<text::Tokenizer> tokenizer_;
};

TEST_F(GenerateTest, GreedyTakesTheBestUpToTheLimit) {
  const Generation generation = answer({.max_tokens = 8});
  EXPECT_EQ(generation.text, "bcdefabc");
  EXPECT_EQ(generation.tokens, (std::vector<int32_t>{1, 2, 3, 4, 5, 0, 1, 2}));
  EXPECT_EQ(generation.stop, StopReason::max_tokens);
  EXPECT_EQ(generation.prompt_tokens, 1);
  EXPECT_EQ(answer({.max_tokens = 1}).text, "b");
  EXPECT_EQ(answer({.max_tokens = 0}).text, "");
}

TEST_F(GenerateTest, ASeedGivesTheSameText) {
  const auto drawn = [&](uint64_t seed) {
    return answer({.max_tokens = 30, .sampling = {.temperature = 1, .seed = seed}}).text;
  };
  EXPECT_EQ(drawn(7), drawn(7));
  EXPECT_NE(drawn(7), drawn(8));
  EXPECT_NE(drawn(7), answer({.max_tokens = 30}).text);
}

TEST_F(GenerateTest, StopTextsEndTheAnswerAndAreNoPartOfIt) {
  std::string streamed;
  const Generation generation =
      answer({.max_tokens = 30, .stop = {"zz", "efa"}}, [&](std::string_view piece) {
        streamed += piece;
        return true;
      });
  EXPECT_EQ(generation.text, "bcd");
  EXPECT_EQ(streamed, "bcd");
  EXPECT_EQ(generation.stop, StopReason::stop_text);
  EXPECT_EQ(generation.tokens.size(), 6u);
}

TEST_F(GenerateTest, EndsWhereTheContextOrTheReaderDoes) {
  const Generation full = answer({.max_tokens = 1000});
  EXPECT_EQ(full.stop, StopReason::context_full);
  EXPECT_EQ(full.tokens.size(), 40u);
  const Generation cancelled =
      answer({.max_tokens = 1000}, [](std::string_view piece) { return piece != "d"; });
  EXPECT_EQ(cancelled.stop, StopReason::cancelled);
  EXPECT_EQ(cancelled.tokens.size(), 3u);
}

TEST_F(GenerateTest, SaysWhenTheModelGivesNoNumbers) {
  model_.broken = true;
  const int32_t prompt[] = {0};
  const auto result = generate(model_, *tokenizer_, prompt, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "logit 3 is nan: the model's numbers overflowed");
  EXPECT_EQ(generate(model_, *tokenizer_, {}, {}).error().message, "the prompt has no tokens");
}

}  // namespace
}  // namespace anemone::generate
