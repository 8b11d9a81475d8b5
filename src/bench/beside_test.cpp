#include "bench/beside.h"

#include <gtest/gtest.h>

#include "bench/judgement.h"
#include "bench/report_of.h"
#include "bench/scripted.h"

namespace anemone::bench {
namespace {

/// 10 GB/s, a cache of 1 MB.
Machine machine() {
  Machine machine;
  machine.cache_bytes = 1'000'000;
  machine.read_bytes_per_s = 1e10;
  return machine;
}

/// 90 MB of weights and a cache of 20 MB for 1,000 positions.
constexpr StepBytes kBytes{9e7, 2e7, 1000};

TEST(Floor, S2_34_IsTheTimeToReadWeightsAndTheFilledCache) {
  const Floor floor = find_floor(kBytes, machine(), 500, 50);
  EXPECT_TRUE(floor.reason.empty());
  EXPECT_DOUBLE_EQ(floor.bytes_per_token, 1e8);
  EXPECT_DOUBLE_EQ(floor.tokens_per_second, 100);
  EXPECT_DOUBLE_EQ(floor.share, 0.5);
}

TEST(Floor, IsNoneWhereNothingBoundsOrNothingIsKnown) {
  Machine large = machine();
  large.cache_bytes = 200'000'000;
  EXPECT_NE(find_floor(kBytes, large, 500, 50).reason.find("fit the processor's cache"),
            std::string::npos);
  Machine unknown = machine();
  unknown.read_bytes_per_s = 0;
  EXPECT_FALSE(find_floor(kBytes, unknown, 500, 50).reason.empty());
  EXPECT_FALSE(find_floor(std::nullopt, machine(), 500, 50).reason.empty());
  EXPECT_EQ(find_floor(std::nullopt, machine(), 500, 50).tokens_per_second, 0);
}

TEST(Floor, OfAFirstTokenReadsTheWeightsOncePerCall) {
  Floor floor = find_floor(kBytes, machine(), 500, 50);
  add_first_token_floors(floor, 130, 16, 64);
  EXPECT_DOUBLE_EQ(floor.first_token_ns, 3 * 1e7);
  EXPECT_DOUBLE_EQ(floor.cached_first_token_ns, 1e7);
  add_first_token_floors(floor, 130, 16, 0);
  EXPECT_DOUBLE_EQ(floor.first_token_ns, 130 * 1e7);
}

/// 8,192 tokens in blocks of 64 that take 5 ms at least; 700 ms cold, 120 ms with the prefix
/// cached.
Report at_8k() {
  Configuration one = decoded_at(8192, {40, 41, 42});
  one.measurement->first_token.warm_ns = make_series({7.0e8, 7.1e8, 6.9e8}, {});
  one.measurement->first_token.cached_ns = make_series({1.2e8, 1.3e8, 1.1e8}, {});
  one.measurement->first_token.cached_prefix_tokens = 8112;
  one.measurement->floor = find_floor(StepBytes{5e7, 0, 8192}, machine(), 8192, 41);
  add_first_token_floors(one.measurement->floor, 8128, 16, 64);
  Report report = report_of({one});
  report.options.target_first_token_ms = 500;
  report.options.target_tokens_per_second = 50;
  return report;
}

TEST(Targets, S4_35_FirstTokensAreJudgedColdAndCachedApartBesideTheFloor) {
  const auto verdicts = judge_targets(at_8k());
  ASSERT_EQ(verdicts.size(), 3U);
  EXPECT_EQ(verdicts[0].metric, "first_token_ns.warm");
  EXPECT_EQ(verdicts[0].median, 7.0e8);
  EXPECT_EQ(verdicts[0].floor, 127 * 5e6);
  EXPECT_EQ(verdicts[0].met, false) << "and the floor of 635 ms says that no code could";
  EXPECT_EQ(verdicts[1].metric, "first_token_ns.cached");
  EXPECT_EQ(verdicts[1].floor, 5e6);
  EXPECT_EQ(verdicts[1].met, true);
}

TEST(Targets, S4_36_ThroughputIsJudgedBesideTheFloor) {
  Report report = at_8k();
  auto verdicts = judge_targets(report);
  EXPECT_EQ(verdicts[2].metric, "decode_tokens_per_second");
  EXPECT_EQ(verdicts[2].floor, 200);
  EXPECT_EQ(verdicts[2].met, false);
  report.options.target_tokens_per_second = 40;
  EXPECT_EQ(judge_targets(report)[2].met, true);
  report.configurations[0].measurement.reset();
  EXPECT_FALSE(judge_targets(report)[2].met);
  EXPECT_FALSE(judge_targets(report)[2].floor);
}

TEST(Targets, StandInTheTables) {
  Report report = at_8k();
  report.targets = judge_targets(report);
  const std::string table = to_markdown(report);
  EXPECT_NE(table.find("## Targets"), std::string::npos);
  EXPECT_NE(table.find("| first_token_ns.warm, ms"), std::string::npos);
  EXPECT_NE(table.find("635.00"), std::string::npos) << table;
}

TEST(FirstToken, S4_16_TheCachesSavingIsItsShareOfTheWarmTime) {
  const FirstToken first = at_8k().configurations[0].measurement->first_token;
  EXPECT_DOUBLE_EQ(first.cached_saving().value(), 1 - 1.2 / 7.0);
  EXPECT_EQ(first.cached_prefix_tokens, 8112);
  EXPECT_FALSE(FirstToken().cached_saving());
}

TEST(Reference, CountsTheChoicesThatItSharesAfterTheSameTokens) {
  ScriptedClock clock;
  ScriptedModel reference(clock, [](int64_t, int64_t) { return 1; });
  // It chooses the number of tokens before: 3, 4, 5, 6.
  const auto held = hold_against(reference, {9, 9, 9}, {3, 4, 7, 6});
  ASSERT_TRUE(held.ok()) << held.error().to_string();
  EXPECT_DOUBLE_EQ(held->match_rate, 0.75);
  EXPECT_EQ(held->first_difference, 2);
  const auto same = hold_against(reference, {9, 9, 9}, {3, 4});
  EXPECT_DOUBLE_EQ(same->match_rate, 1);
  EXPECT_FALSE(same->first_difference);
}

}  // namespace
}  // namespace anemone::bench
