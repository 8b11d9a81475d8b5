#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "statistics/distributions.h"
#include "statistics/order.h"
#include "statistics/paired_bootstrap.h"
#include "statistics/paired_tests.h"
#include "support/golden.h"

namespace anemone::statistics {
namespace {

using nlohmann::json;

const json& golden() {
  static const json document = test::golden_file("statistics/paired");
  return document;
}

std::vector<double> numbers(const json& list) { return list.get<std::vector<double>>(); }

void expect_close(double value, const json& expected, double relative) {
  const auto wanted = expected.get<double>();
  EXPECT_NEAR(value, wanted, relative * std::max(std::abs(wanted), 1e-300)) << expected;
}

TEST(PairedTests, McNemarIsScipysBinomialTest) {
  for (const json& each : golden()["mcnemar"]) {
    const auto found = mcnemar(numbers(each["first"]), numbers(each["second"]));
    EXPECT_EQ(found.only_first, each["only_first"]);
    EXPECT_EQ(found.only_second, each["only_second"]);
    EXPECT_EQ(found.both + found.only_first + found.only_second + found.neither,
              static_cast<int64_t>(each["first"].size()));
    expect_close(found.p, each["p"], 1e-11);
  }
  for (const json& each : golden()["fair_toss"])
    expect_close(fair_toss_two_sided(each["successes"], each["trials"]), each["p"],
                 each["trials"] > 1000 ? 1e-9 : 1e-11);
  EXPECT_EQ(fair_toss_two_sided(0, 0), 1);
}

TEST(PairedTests, PairedTIsScipysRelatedTest) {
  for (const json& each : golden()["paired_t"]) {
    const auto found =
        paired_t(numbers(each["first"]), numbers(each["second"]), each["confidence"].get<double>());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->degrees, each["degrees"]);
    expect_close(found->t, each["t"], 1e-9);
    expect_close(found->p, each["p"], 1e-8);
    expect_close(found->interval.low, each["low"], 1e-9);
    expect_close(found->interval.high, each["high"], 1e-9);
  }
}

TEST(PairedTests, PairsWithoutSpreadHaveNoStandardError) {
  const std::vector<double> first = {1, 2, 3};
  const std::vector<double> higher = {2, 3, 4};
  const auto same = paired_t(first, first, 0.95);
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->p, 1);
  EXPECT_EQ(same->t, 0);
  const auto shifted = paired_t(first, higher, 0.95);
  ASSERT_TRUE(shifted.has_value());
  EXPECT_EQ(shifted->p, 0);
  EXPECT_EQ(shifted->t, std::numeric_limits<double>::infinity());
  EXPECT_EQ(shifted->interval, (Interval{1, 1}));
  EXPECT_FALSE(paired_t(std::span(first).first(1), std::span(higher).first(1), 0.95));
}

TEST(PairedTests, SumsThatAreNotFiniteGiveNoTest) {
  // All numbers are finite; the sum of their differences is not.
  const std::vector<double> first = {1.5e308, 0};
  const std::vector<double> second = {0, -1.5e308};
  EXPECT_FALSE(paired_t(first, second, 0.95).has_value());
  const std::vector<double> apart = {1.5e308, -1.5e308};
  EXPECT_FALSE(paired_t(std::vector<double>{0, 0}, apart, 0.95).has_value());
}

TEST(PairedTests, HolmStepsDown) {
  for (const json& each : golden()["holm"]) {
    const auto found = holm(numbers(each["p"]));
    const auto expected = numbers(each["adjusted"]);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_DOUBLE_EQ(found[i], expected[i]);
  }
  EXPECT_TRUE(holm({}).empty());
}

TEST(Distributions, QuantilesAreScipys) {
  for (const json& each : golden()["student_t"]) {
    const double found = student_t_quantile(each["share"], each["degrees"]);
    EXPECT_NEAR(found, each["t"].get<double>(), 1e-8 * std::max(1.0, std::abs(found))) << each;
  }
  for (const json& each : golden()["normal"])
    EXPECT_NEAR(normal_quantile(each["share"]), each["z"].get<double>(), 1e-9) << each;
  EXPECT_NEAR(normal_two_sided(1.959963984540054), 0.05, 1e-14);
}

TEST(PairedBootstrap, PercentilesAreNumpys) {
  for (const json& each : golden()["percentiles"])
    EXPECT_NEAR(percentile_of_sorted(sorted(numbers(each["values"])), each["share"]),
                each["value"].get<double>(), 1e-15)
        << each;
}

/// The deviation of a percentile of so many draws from a normal distribution.
double percentile_error(double share, double deviation, double draws) {
  const double z = normal_quantile(share);
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
  return std::sqrt(share * (1 - share) / draws) / density * deviation;
}

TEST(PairedBootstrap, S2_41_IntervalsAreScipysWithinTheErrorOfDrawing) {
  for (const json& each : golden()["bootstrap"]) {
    const auto first = numbers(each["first"]);
    const auto second = numbers(each["second"]);
    const bool exponential = each["statistic"] == "difference of exp(mean)";
    const auto difference = [&](std::span<const size_t> drawn) {
      double a = 0;
      double b = 0;
      for (const size_t i : drawn) {
        a += first[i];
        b += second[i];
      }
      const auto n = static_cast<double>(drawn.size());
      return exponential ? std::exp(b / n) - std::exp(a / n) : (b - a) / n;
    };
    BootstrapOptions options;
    options.resamples = each["resamples"];
    options.confidence = each["confidence"];
    const auto found = paired_bootstrap(first.size(), difference, options);
    const double deviation = each["standard_error"];
    // Both ends are drawn, here and there; means of 0 and 1 lie on a grid, whose step they may
    // miss.
    const bool is_grid = std::ranges::all_of(first, [](double v) { return v == 0 || v == 1; });
    const double step = is_grid ? 1 / static_cast<double>(first.size()) : 0;
    const double bound = step + 5 * std::sqrt(2.0) *
                                    percentile_error((1 - options.confidence) / 2, deviation,
                                                     static_cast<double>(options.resamples));
    EXPECT_NEAR(found.interval.low, each["low"].get<double>(), bound);
    EXPECT_NEAR(found.interval.high, each["high"].get<double>(), bound);
    EXPECT_NEAR(found.standard_error, deviation, deviation * 0.02);
    EXPECT_LT(bound, deviation / 4 + step);
  }
}

TEST(PairedBootstrap, RunsThatDifferEverywhereHaveTheSmallestP) {
  BootstrapOptions options;
  options.resamples = 999;
  const auto one = [](std::span<const size_t>) { return 1.0; };
  EXPECT_DOUBLE_EQ(paired_bootstrap(4, one, options).p, 2.0 / 1000);
  const auto none = [](std::span<const size_t>) { return 0.0; };
  EXPECT_EQ(paired_bootstrap(4, none, options).p, 1);
  const auto undefined = [](std::span<const size_t>) { return std::nan(""); };
  EXPECT_EQ(paired_bootstrap(4, undefined, options).undefined, 999);
  options.seed = 1;
  const auto spread = [](std::span<const size_t> drawn) {
    return static_cast<double>(std::accumulate(drawn.begin(), drawn.end(), size_t{0}));
  };
  const auto first = resampled(10, spread, options);
  EXPECT_EQ(first, resampled(10, spread, options));
  options.seed = 2;
  EXPECT_NE(first, resampled(10, spread, options));
}

}  // namespace
}  // namespace anemone::statistics
