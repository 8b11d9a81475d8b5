#include "anemone/generate.h"

#include <gtest/gtest.h>

#include <limits>

namespace anemone::generate {
namespace {

constexpr int64_t kLetters = 6;  // a … f; f ends nothing

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

TEST_F(GenerateTest, S4_8_TheTextIsTheSameWhateverIsDrafted) {
  using By = Speculation::By;
  AlphabetModel right;
  AlphabetModel at_times(1, 0);
  AlphabetModel wrong(2);
  AlphabetModel broken;
  broken.broken = true;
  for (const Options& plain :
       {Options{.max_tokens = 30}, Options{.max_tokens = 30, .stop = {"dea"}},
        Options{.max_tokens = 200}, Options{.max_tokens = 100, .when_full = WhenFull::slide},
        Options{.max_tokens = 100,
        .sampling = {.temperature = 1.3, .frequency_penalty = 0.3, .seed = 5},
        .when_full = WhenFull::slide,
        .kept_tokens = 3}}) {
    const Generation expected = answer(plain);
    int64_t accepted = 0;
    for (AlphabetModel* const draft : {&right, &at_times, &wrong, &broken})
      for (const int64_t most : {1, 5, 60}) {
        Options options = plain;
        options.speculation = {.by = By::draft_model, .draft = draft, .most_tokens = most};
        const Generation guessed = answer(options);
        EXPECT_EQ(guessed.tokens, expected.tokens);
        EXPECT_EQ(guessed.text, expected.text);
        EXPECT_EQ(guessed.stop, expected.stop);
        EXPECT_EQ(guessed.slides, expected.slides);
        accepted += guessed.accepted_tokens;
      }
    EXPECT_GT(accepted, 0);
  }
}

TEST_F(GenerateTest, ADraftModelHasTheSameVocabulary) {
  AlphabetModel other(1, 3, kLetters + 1);
  const int32_t prompt[] = {0};
  const auto result =
      generate(model_, *tokenizer_, prompt,
               {.speculation = {.by = Speculation::By::draft_model, .draft = &other}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message,
            "the draft model alphabet has a vocabulary of 7 tokens, alphabet one of 6");
}

}  // namespace
}  // namespace anemone::generate
