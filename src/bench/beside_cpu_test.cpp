#include "bench/beside_cpu.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/scripted.h"

namespace anemone::bench {
namespace {

Answer answer(std::vector<int32_t> tokens, std::vector<float> logits) {
  const auto rows = static_cast<int64_t>(logits.size() / 2);
  return {std::move(tokens), std::move(logits), rows};
}

TEST(BesideCpu, S2_4_NamesTheFirstTokenThatDiffersAndHowFarLogitsAreApart) {
  const Answer cpu = answer({4, 5, 6}, {1, 0, 0, 4, 2, 0});
  const BesideCpu beside = compare_with_cpu(cpu, answer({4, 7, 6}, {1, 0.5, 0.5, 4, 9, 9}));
  EXPECT_EQ(beside.first_difference, 1);
  // The row that chose another token counts, the one after it does not.
  EXPECT_EQ(beside.logit_rows, 2);
  EXPECT_EQ(beside.largest_difference, 0.5);
  EXPECT_NEAR(*beside.psnr_db, 20 * std::log10(4 / std::sqrt(0.5 / 4)), 1e-12);
}

TEST(BesideCpu, S2_4_EqualTokensMayHaveOtherLogits) {
  const Answer cpu = answer({4, 5}, {1, 0, 0, 4});
  const BesideCpu same = compare_with_cpu(cpu, cpu);
  EXPECT_FALSE(same.first_difference);
  EXPECT_EQ(same.logit_rows, 2);
  EXPECT_EQ(same.largest_difference, 0);
  EXPECT_FALSE(same.psnr_db);
  const BesideCpu near = compare_with_cpu(cpu, answer({4, 5}, {1, 0, 0, 3}));
  EXPECT_FALSE(near.first_difference);
  EXPECT_NEAR(*near.psnr_db, 20 * std::log10(4 / 0.5), 1e-12);
}

TEST(BesideCpu, AShorterAnswerAndOneWithoutLogits) {
  const Answer cpu = answer({4, 5}, {1, 0, 0, 4});
  EXPECT_EQ(compare_with_cpu(cpu, answer({4}, {1, 0})).first_difference, 1);
  const BesideCpu tokens_alone = compare_with_cpu(cpu, answer({4, 5}, {}));
  EXPECT_EQ(tokens_alone.logit_rows, 0);
  EXPECT_FALSE(tokens_alone.psnr_db);
}

TEST(BesideCpu, LogitsAreThoseBeforeEachAnswerToken) {
  ScriptedClock clock;
  ScriptedModel model(clock, [](int64_t, int64_t) { return int64_t{1}; });
  // The scripted model chooses the number of tokens that it has seen.
  const std::vector<int32_t> prompt = {9, 9, 9};
  const std::vector<int32_t> tokens = {3, 4, 5};
  const auto read = read_answer(model, prompt, tokens);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->rows, 3);
  for (size_t row = 0; row < 3; ++row)
    EXPECT_EQ(read->logits[row * 100 + static_cast<size_t>(tokens[row])], 1) << row;
  model.mutable_info().gives_logits = false;
  EXPECT_EQ(read_answer(model, prompt, tokens)->rows, 0);
}

}  // namespace
}  // namespace anemone::bench
