#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "anemone/statistics.h"
#include "statistics/bootstrap.h"
#include "statistics/generator.h"

namespace anemone::statistics {
namespace {

constexpr double kSamples[] = {12, 15, 11, 14, 13, 90, 12.5, 13.5};

TEST(Summary, S2_24_EqualsHandComputedValues) {
  const auto summary = summarize(kSamples);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->n, 8U);
  EXPECT_DOUBLE_EQ(summary->mean, 181.0 / 8);
  EXPECT_DOUBLE_EQ(summary->median, 13.25);
  EXPECT_DOUBLE_EQ(summary->stddev.value(), std::sqrt(742.625));
  EXPECT_DOUBLE_EQ(summary->mad, 1);
  EXPECT_EQ(summary->min, 11);
  EXPECT_EQ(summary->max, 90);
  EXPECT_DOUBLE_EQ(summary->p5, 11.35);
  EXPECT_DOUBLE_EQ(summary->p25, 12.375);
  EXPECT_DOUBLE_EQ(summary->p75, 14.25);
  EXPECT_DOUBLE_EQ(summary->p90, 37.5);
  EXPECT_NEAR(summary->p95, 63.75, 1e-12);
  EXPECT_DOUBLE_EQ(summary->p99, 84.75);
  EXPECT_EQ(summary->outliers, std::vector<size_t>{5});
}

TEST(Summary, OneSampleHasNoSpread) {
  const double one[] = {7};
  const auto summary = summarize(one);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->median, 7);
  EXPECT_EQ(summary->p99, 7);
  EXPECT_FALSE(summary->stddev);
  EXPECT_FALSE(summary->interval);
  EXPECT_FALSE(summarize({}));
}

TEST(Percentile, LiesBetweenNeighboursByAStraightLine) {
  const double samples[] = {4, 1, 3, 2};
  EXPECT_EQ(percentile(samples, 0), 1);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.4), 2.2);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.5), 2.5);
  EXPECT_EQ(percentile(samples, 1), 4);
}

TEST(Outliers, AreBeyondTheFencesOnEitherSide) {
  const double samples[] = {-40, 10, 11, 12, 13, 14, 60};
  EXPECT_EQ(outliers_by_quartiles(samples), (std::vector<size_t>{0, 6}));
  const double even[] = {5, 5, 5, 5};
  EXPECT_TRUE(outliers_by_quartiles(even).empty());
}

TEST(Generator, IsSplitMix64) {
  Generator generator(0);
  EXPECT_EQ(generator.next(), 0xe220a8397b1dcdafU);
  EXPECT_EQ(generator.next(), 0x6e789e6aa1b965f4U);
  EXPECT_EQ(generator.next(), 0x06c45d188009454fU);
}

/// Of three different samples the median of a draw is the least with 7/27, the middle with 13/27.
TEST(Bootstrap, DrawsMediansAsOftenAsTheyAreLikely) {
  const double samples[] = {30, 10, 20};
  MedianDraws draws(samples);
  Generator generator(5);
  std::map<double, int> seen;
  for (int i = 0; i < 27000; ++i) ++seen[draws.draw(generator)];
  EXPECT_NEAR(seen[10], 7000, 5 * 72);
  EXPECT_NEAR(seen[20], 13000, 5 * 82);
  EXPECT_NEAR(seen[30], 7000, 5 * 72);
  EXPECT_EQ(seen.size(), 3U);
}

TEST(Bootstrap, AnEvenNumberOfDrawsHasTheMeanOfTheMiddleTwo) {
  const double samples[] = {10, 0};
  MedianDraws draws(samples);
  Generator generator(5);
  std::map<double, int> seen;
  for (int i = 0; i < 16000; ++i) ++seen[draws.draw(generator)];
  EXPECT_NEAR(seen[0], 4000, 5 * 55);
  EXPECT_NEAR(seen[5], 8000, 5 * 64);
  EXPECT_NEAR(seen[10], 4000, 5 * 55);
}

TEST(Bootstrap, S2_24_IntervalsHoldTheirShareOfTheMedians) {
  const double samples[] = {30, 10, 20};
  EXPECT_EQ(summarize(samples, {.confidence = 0.95})->interval, (Interval{10, 30}));
  EXPECT_EQ(summarize(samples, {.confidence = 0.4})->interval, (Interval{20, 20}));
  const BootstrapOptions seeded{.seed = 3};
  EXPECT_EQ(summarize(kSamples, seeded)->interval, summarize(kSamples, seeded)->interval);
}

TEST(Ratio, IsOfMediansWithAnIntervalAroundIt) {
  std::vector<double> slow;
  std::vector<double> fast;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(120 + i % 5);
    fast.push_back(100 + i % 5);
  }
  const Ratio ratio = ratio_of_medians(slow, fast, {});
  EXPECT_DOUBLE_EQ(ratio.value, 122.0 / 102);
  EXPECT_GT(ratio.interval.low, 120.0 / 104);
  EXPECT_LT(ratio.interval.high, 124.0 / 100);
  EXPECT_LT(ratio.interval.low, ratio.value);
  EXPECT_GT(ratio.interval.high, ratio.value);
}

}  // namespace
}  // namespace anemone::statistics
