#include "bench/slowdown.h"

#include <gtest/gtest.h>

namespace anemone::bench {
namespace {

std::vector<VisitTime> visits(const std::vector<double>& ns, const std::vector<double>& reference) {
  std::vector<VisitTime> out;
  for (size_t i = 0; i < ns.size(); ++i)
    out.push_back({ns[i], i < reference.size() ? std::optional(reference[i]) : std::nullopt});
  return out;
}

TEST(Slowdown, IsTheTTestOfTheLogarithmsAndHalfOfTheMachinesOwn) {
  const auto found = judge_slowdown(visits({100, 104, 98, 102}, {10, 10.2, 9.9, 10.1}),
                                    visits({125, 130, 121}, {10.4, 10.6, 10.3}), {});
  // scipy 1.14: ttest_ind of log(ns / reference) with its confidence_interval, and half of
  // |log(machine)| on either side.
  ASSERT_TRUE(found.machine && found.adjusted);
  EXPECT_NEAR(*found.machine, 1.0381329079959778, 1e-12);
  EXPECT_NEAR(found.adjusted->value, 1.1951205766410387, 1e-12);
  EXPECT_NEAR(found.adjusted->interval.low, 1.1348842249798738, 1e-9);
  EXPECT_NEAR(found.adjusted->interval.high, 1.2585540985347108, 1e-9);
  EXPECT_EQ(found.verdict, "slower");
}

TEST(Slowdown, OneVisitEachSaysNothing) {
  const auto found = judge_slowdown(visits({100}, {10}), visits({150}, {10}), {});
  EXPECT_EQ(found.verdict, "unclear");
  EXPECT_FALSE(found.adjusted);
  EXPECT_EQ(judge_slowdown({}, {}, {}).verdict, "unclear");
}

TEST(Slowdown, AMachineThatIsSlowerAsAWholeIsNoSlowerProgram) {
  const std::vector<double> reference = {10, 10, 10, 10};
  const std::vector<double> slow_reference = {11.5, 11.5, 11.5, 11.5};
  const auto before = visits({100, 101, 99, 100}, reference);
  const auto after = visits({115, 116, 114, 115}, slow_reference);
  EXPECT_EQ(judge_slowdown(before, after, {}).verdict, "same");
  EXPECT_EQ(judge_slowdown(before, visits({115, 116, 114, 115}, reference), {}).verdict, "slower");
  EXPECT_EQ(judge_slowdown(after, before, {}).verdict, "same");
}

TEST(Slowdown, AFasterReferenceWorkAccusesNobody) {
  // The reference work itself was compiled into faster code: the times are what they were.
  const auto before = visits({100, 101, 99, 100}, {10, 10, 10, 10});
  const auto after = visits({100, 99, 101, 100}, {7.5, 7.5, 7.5, 7.5});
  const auto faster = judge_slowdown(before, after, {});
  EXPECT_GT(faster.adjusted->interval.low, 1.05) << "the times themselves decide";
  EXPECT_EQ(faster.verdict, "unclear");
  const auto slower = judge_slowdown(after, before, {});
  EXPECT_LT(slower.adjusted->interval.high, 1 / 1.05);
  EXPECT_EQ(slower.verdict, "same") << "nor does slower reference work praise anybody";
}

TEST(Slowdown, AMachineOfAnotherSpeedTellsNothing) {
  const auto before = visits({100, 101, 99, 100}, {10, 10, 10, 10});
  const auto far = judge_slowdown(before, visits({60, 61, 59, 60}, {16, 16, 16, 16}), {});
  EXPECT_LT(far.adjusted->interval.high, 1);
  EXPECT_EQ(far.verdict, "unclear");
}

TEST(Slowdown, SameMeansThatALargeSlowdownIsOut) {
  const std::vector<double> steady = {10, 10, 10, 10};
  const auto before = visits({100, 100, 100, 100}, steady);
  EXPECT_EQ(judge_slowdown(before, visits({104, 104, 104, 104}, steady), {}).verdict, "same");
  EXPECT_EQ(judge_slowdown(before, visits({106, 106, 106, 106}, steady), {}).verdict, "slower");
  EXPECT_EQ(judge_slowdown(before, visits({90, 90, 90, 90}, steady), {}).verdict, "faster");
  // The mean is that of the first, and 20 % are not out of reach.
  const auto wide = judge_slowdown(before, visits({80, 130, 85, 120}, steady), {});
  EXPECT_EQ(wide.verdict, "unclear");
  EXPECT_GT(wide.adjusted->interval.high, 1.2);
  EXPECT_EQ(
      judge_slowdown(before, visits({106, 106, 106, 106}, steady), {.threshold = 0.1}).verdict,
      "same");
}

TEST(Slowdown, WithoutReferenceWorkTheMachineMayHaveBeenAsFastAsWholeRunsDiffer) {
  const std::vector<double> steady = {10, 10, 10, 10};
  const auto before = visits({100, 101, 99, 100}, {});
  const auto verdict = [&](double factor, const std::vector<double>& reference) {
    const auto found = judge_slowdown(
        before, visits({100 * factor, 101 * factor, 99 * factor, 100 * factor}, reference), {});
    EXPECT_FALSE(found.machine);
    EXPECT_LT(found.adjusted->interval.low, factor / 1.3);
    EXPECT_GT(found.adjusted->interval.high, factor * 1.3);
    return found.verdict;
  };
  for (const auto& reference : {std::vector<double>{}, steady, {10, 10, 10}}) {
    EXPECT_EQ(verdict(1.25, reference), "unclear") << "the same program on a slower machine";
    EXPECT_EQ(verdict(1.2 / 1.25, reference), "unclear") << "20 % slower on a faster machine";
    EXPECT_EQ(verdict(1, reference), "unclear");
    EXPECT_EQ(verdict(0.8, reference), "same") << "it cannot be 20 % slower";
    EXPECT_EQ(verdict(1.5, reference), "slower");
    EXPECT_EQ(verdict(0.6, reference), "faster");
  }
}

}  // namespace
}  // namespace anemone::bench
