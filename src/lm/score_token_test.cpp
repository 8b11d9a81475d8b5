#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "anemone/language_model.h"

namespace anemone::lm {
namespace {

TEST(ScoreToken, GreedyIsTheFirstOfEqualLogits) {
  const std::vector<float> logits = {0, 3, 3, 1};
  EXPECT_TRUE(score_token(logits, 1)->greedy);
  EXPECT_FALSE(score_token(logits, 2)->greedy);
  EXPECT_EQ(score_token(logits, 1)->log_probability, score_token(logits, 2)->log_probability);
  EXPECT_EQ(score_token(logits, 4).error().code, ErrorCode::out_of_range);
}

TEST(ScoreToken, SumsInDouble) {
  const std::vector<float> logits(1 << 16, 7.0f);
  EXPECT_NEAR(score_token(logits, 12)->log_probability, -16 * std::log(2.0), 1e-12);
}

/// Against the standard library, over all that a logit may lie below the highest.
TEST(ScoreToken, PowersHaveTheErrorOfDouble) {
  for (double step = 1e-7; step < 1; step *= 3) {
    std::vector<float> logits = {3.0f};
    for (int i = 0; i < 1000; ++i)
      logits.push_back(static_cast<float>(3.0 - i * step - i * i * step / 100));
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - 3.0);
    const double expected = static_cast<double>(logits[500]) - 3.0 - std::log(sum);
    EXPECT_NEAR(score_token(logits, 500)->log_probability, expected, 1e-14 * (1 - expected));
  }
}

TEST(ScoreToken, NumbersThatGiveNoProbabilityAreErrors) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const auto message = [](std::vector<float> logits, int32_t token) {
    const auto score = score_token(logits, token);
    return score.ok() ? std::string() : score.error().message;
  };
  EXPECT_EQ(message({0, 1, kNaN, 3}, 0), "the model's logit of token 2 is not a number");
  EXPECT_EQ(message({0, kInfinity}, 0), "the model's logits are infinite, first at token 1");
  EXPECT_EQ(message({0, -kInfinity}, 1),
            "the model gives token 1 no probability, its logit is -inf");
  EXPECT_EQ(message({0, -kInfinity}, 0), "");
  EXPECT_EQ(best_token(std::vector<float>{0, 2, kNaN}).error().code, ErrorCode::out_of_range);
}

}  // namespace
}  // namespace anemone::lm
