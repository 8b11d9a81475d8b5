#include <gtest/gtest.h>

#include "anemone/statistics.h"

namespace anemone::statistics {
namespace {

TEST(Line, IsFoundByLeastSquares) {
  const double x[] = {0, 1, 2};
  const double exact[] = {1, 3, 5};
  const auto line = fit_line(x, exact);
  ASSERT_TRUE(line);
  EXPECT_DOUBLE_EQ(line->slope, 2);
  EXPECT_DOUBLE_EQ(line->intercept, 1);
  EXPECT_DOUBLE_EQ(line->r2, 1);
  const double spread[] = {0, 2, 1};
  const auto loose = fit_line(x, spread);
  ASSERT_TRUE(loose);
  EXPECT_DOUBLE_EQ(loose->slope, 0.5);
  EXPECT_DOUBLE_EQ(loose->intercept, 0.5);
  EXPECT_DOUBLE_EQ(loose->r2, 0.25);
  const double same[] = {3, 3, 3};
  EXPECT_FALSE(fit_line(same, spread));
}

TEST(Drift, OfASpeedThatFallsIsItsLineOverTime) {
  const double seconds[] = {0, 1, 2, 3, 4};
  const double speeds[] = {100, 98, 96, 94, 92};
  const auto drift = find_drift(seconds, speeds);
  ASSERT_TRUE(drift);
  EXPECT_DOUBLE_EQ(drift->change, -8.0 / 96);
  EXPECT_DOUBLE_EQ(drift->per_second, -2.0 / 96);
  EXPECT_NEAR(drift->interval.low, -8.0 / 96, 1e-12);
  EXPECT_NEAR(drift->interval.high, -8.0 / 96, 1e-12);
  EXPECT_TRUE(drift->significant);
}

TEST(Drift, IsNoneWhereEveryDrawIsOfOneMoment) {
  const std::vector<double> seconds = {0, 0, 0, 0, 0, 0, 1};
  const std::vector<double> speeds = {5, 5, 5, 5, 5, 5, 4};
  size_t without = 0;
  for (uint64_t seed = 0; seed < 20; ++seed)
    without += find_drift(seconds, speeds, {.resamples = 1, .seed = seed}) ? 0U : 1U;
  EXPECT_GT(without, 0U);
  EXPECT_LT(without, 20U);
}

TEST(Drift, NoiseAloneIsNone) {
  std::vector<double> seconds;
  std::vector<double> speeds;
  for (int i = 0; i < 30; ++i) {
    seconds.push_back(i);
    speeds.push_back(100 + (i * 7) % 11);
  }
  const auto drift = find_drift(seconds, speeds);
  ASSERT_TRUE(drift);
  EXPECT_TRUE(drift->interval.contains(0));
  EXPECT_FALSE(drift->significant);
  EXPECT_FALSE(find_drift(std::span(seconds).first(4), std::span(speeds).first(4)));
}

}  // namespace
}  // namespace anemone::statistics
