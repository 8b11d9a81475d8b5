#include "anemone/generate.h"

#include <gtest/gtest.h>

#include "generate/alphabet_model.h"

namespace anemone::generate {
namespace {

class GenerateTest : public testing::Test {
 protected:
  GenerateTest() {
    auto tokenizer = alphabet_tokenizer();
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
