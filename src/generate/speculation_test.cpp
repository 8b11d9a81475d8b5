#include <gtest/gtest.h>

#include "generate/embedded_model_test.h"

namespace anemone::generate {
namespace {

using By = Speculation::By;

class SpeculationTest : public EmbeddedModelTest {
 protected:
  const std::vector<std::string> prompts_ = {
      "The river runs down to the sea. The river runs down to the", "Once upon a time",
      "one two three one two three one two three one", "She opened the door and",
      "Correct the text: The cat sat on the mat. Corrected: The cat sat"};
};

TEST_F(SpeculationTest, S4_8_S4_21_GreedyTokensAreThoseWithout) {
  int64_t accepted = 0;
  for (const std::string& text : prompts_) {
    const auto prompt = encode(text);
    const Generation plain = answer(prompt, {.max_tokens = 60});
    EXPECT_EQ(plain.drafted_tokens, 0);
    for (const By by : {By::prompt_lookup, By::ngram, By::draft_model})
      for (const int64_t most : {1, 3, 8, 20}) {
        const Generation guessed =
            answer(prompt, {.max_tokens = 60,
                            .speculation = {.by = by, .draft = model_.get(), .most_tokens = most}});
        EXPECT_EQ(guessed.tokens, plain.tokens) << text;
        EXPECT_EQ(guessed.text, plain.text);
        EXPECT_EQ(guessed.stop, plain.stop);
        accepted += guessed.accepted_tokens;
        // A call gives what was right and one token more, but where a right one ends the answer.
        const auto tokens = static_cast<int64_t>(guessed.tokens.size());
        const int64_t given = guessed.calls + guessed.accepted_tokens + 1;
        EXPECT_TRUE(given == tokens || given == tokens + 1) << given << " of " << tokens;
      }
  }
  EXPECT_GT(accepted, 500);
}

TEST_F(SpeculationTest, ADraftBySameModelIsRight) {
  const Generation guessed =
      answer(encode("Once upon a time"),
             {.max_tokens = 41,
              .speculation = {.by = By::draft_model, .draft = model_.get(), .most_tokens = 4}});
  EXPECT_EQ(guessed.accepted_tokens, guessed.drafted_tokens);
  EXPECT_EQ(guessed.calls, 9) << "40 tokens, four and then five a call";
}

/// A token is always drawn from the model's own logits in the same order of draws: so the answer is
/// the same, and with it the distribution.
TEST_F(SpeculationTest, DrawnTokensAreThoseWithout) {
  for (const std::string& text : prompts_)
    for (uint64_t seed = 0; seed < 4; ++seed) {
      const Sampling sampling = {
          .temperature = 0.9, .top_p = 0.95, .repetition_penalty = 1.1, .seed = seed};
      const Generation plain = answer(encode(text), {.max_tokens = 40, .sampling = sampling});
      for (const By by : {By::ngram, By::draft_model}) {
        const Generation guessed =
            answer(encode(text), {.max_tokens = 40,
                                  .sampling = sampling,
                                  .speculation = {.by = by, .draft = model_.get()}});
        EXPECT_EQ(guessed.tokens, plain.tokens) << text << " " << seed;
      }
    }
}

TEST_F(SpeculationTest, EndsWhereTheAnswerWithoutEnds) {
  const auto prompt = encode("one two three one two three one two three one");
  for (int64_t tokens = 1; tokens < 12; ++tokens) {
    const Options options = {.max_tokens = tokens, .speculation = {.by = By::ngram}};
    EXPECT_EQ(answer(prompt, options).tokens.size(), static_cast<size_t>(tokens));
  }
  const std::vector<int32_t> full(static_cast<size_t>(model_->info().context_length) - 5, 40);
  const Generation plain = answer(full, {.max_tokens = 50});
  const Generation guessed = answer(full, {.max_tokens = 50, .speculation = {.by = By::ngram}});
  EXPECT_EQ(plain.stop, StopReason::context_full);
  EXPECT_EQ(guessed.stop, StopReason::context_full);
  EXPECT_EQ(guessed.tokens, plain.tokens);
}

TEST_F(SpeculationTest, ADraftModelIsNeeded) {
  const auto result = generate(*model_, *tokenizer_, std::vector<int32_t>{1},
                               {.speculation = {.by = By::draft_model}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "no draft model was given");
}

TEST_F(SpeculationTest, AFullContextCanSlide) {
  const int64_t context = model_->info().context_length;
  std::vector<int32_t> prompt(static_cast<size_t>(context) - 10);
  for (size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<int32_t>(200 + i % 97);
  const Options options = {.max_tokens = 60, .when_full = WhenFull::slide, .kept_tokens = 4};
  const Generation slid = answer(prompt, options);
  EXPECT_EQ(slid.tokens.size(), 60U);
  EXPECT_EQ(slid.slides, 1);
  EXPECT_EQ(slid.stop, StopReason::max_tokens);

  // What follows the slide is the answer to the text that is left.
  std::vector<int32_t> left(prompt.begin(), prompt.begin() + 4);
  std::vector<int32_t> whole = prompt;
  whole.insert(whole.end(), slid.tokens.begin(), slid.tokens.begin() + 11);
  left.insert(left.end(), whole.end() - (context / 2 - 4), whole.end());
  const Generation fresh = answer(left, {.max_tokens = 49});
  EXPECT_EQ(fresh.tokens, std::vector<int32_t>(slid.tokens.begin() + 11, slid.tokens.end()));
}

}  // namespace
}  // namespace anemone::generate
