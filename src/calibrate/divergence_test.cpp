#include "calibrate/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anemone::calibrate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Divergence, IsTheSumOverTokensOfWhatTheirProbabilitiesLose) {
  Comparison sums;
  const std::vector<float> even = {1, 1};
  const std::vector<float> three_to_one = {std::log(3.0f), 0};
  ASSERT_TRUE(add_token(even, three_to_one, 1, sums).ok());
  EXPECT_EQ(sums.tokens, 1u);
  EXPECT_NEAR(sums.dense_loss, std::log(2), 1e-7);
  EXPECT_NEAR(sums.loss, std::log(4), 1e-7);
  EXPECT_NEAR(sums.kl_divergence, 0.5 * std::log(4.0 / 3), 1e-7);
  EXPECT_EQ(sums.top1_agreement, 1);
}

TEST(Divergence, TokensThatBothExcludeCostNothing) {
  Comparison sums;
  ASSERT_TRUE(
      add_token(std::vector<float>{0, -kInfinity, 0}, std::vector<float>{2, -kInfinity, 2}, 0, sums)
          .ok());
  EXPECT_NEAR(sums.kl_divergence, 0, 1e-12);
  EXPECT_NEAR(sums.loss, std::log(2), 1e-12);
}

/// A token of the dense model's -inf has no part in its answers, whatever the other says of it.
TEST(Divergence, ATokenThatOnlyTheDenseModelExcludesIsNoPartOfTheSum) {
  Comparison sums;
  ASSERT_TRUE(add_token(std::vector<float>{0, -kInfinity}, std::vector<float>{0, 0}, 0, sums).ok());
  EXPECT_NEAR(sums.kl_divergence, std::log(2), 1e-12);
}

TEST(Divergence, LogitsThatAreNoNumbersAreAnErrorAndAddNothing) {
  const std::vector<float> usual = {0, 1, 2};
  const std::vector<float> wrong[] = {{kNaN, 1, 2},
                                      {0, 1, kNaN},
                                      {0, kInfinity, 2},
                                      {-kInfinity, -kInfinity, -kInfinity},
                                      {-kInfinity, 1, 2}};  // the target
  for (const std::vector<float>& row : wrong)
    for (const bool is_dense : {true, false}) {
      Comparison sums;
      const Status added = add_token(is_dense ? row : usual, is_dense ? usual : row, 0, sums);
      ASSERT_FALSE(added.ok());
      EXPECT_EQ(added.error().code, ErrorCode::out_of_range);
      EXPECT_EQ(sums.tokens, 0u);
      EXPECT_EQ(sums.kl_divergence, 0);
      EXPECT_EQ(sums.loss, 0);
    }
}

TEST(Divergence, WithoutEndIsAnErrorThatNamesTheToken) {
  Comparison sums;
  const Status added =
      add_token(std::vector<float>{0, 0}, std::vector<float>{0, -kInfinity}, 0, sums);
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().code, ErrorCode::out_of_range);
  EXPECT_NE(added.error().message.find("gives token 1 no probability"), std::string::npos);
  EXPECT_EQ(sums.tokens, 0u);
}

}  // namespace
}  // namespace anemone::calibrate
