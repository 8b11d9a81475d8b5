#include "bench/beside.h"

#include <gtest/gtest.h>

#include "bench/judgement.h"
#include "bench/report_of.h"
#include "bench/scripted.h"

namespace anemone::bench {
namespace {

const auto kOn = [] { return true; };

/// 10 GB/s, a cache of 1 MB.
Machine machine() {
  Machine machine;
  machine.cache_bytes = 1'000'000;
  machine.read_bytes_per_s = 1e10;
  return machine;
}

/// 90 MB of weights, 15 of them the head's, and a cache of 20 MB for 1,000 positions.
constexpr StepBytes kBytes{9e7, 2e7, 1000, 7.5e7};

TEST(Floor, S2_34_IsTheTimeToReadWeightsAndThePromptsPartOfTheCache) {
  const Floor floor = find_floor(kBytes, machine(), {.prompt_tokens = 500}, 50);
  EXPECT_TRUE(floor.reason.empty());
  EXPECT_DOUBLE_EQ(floor.bytes_per_token, 1e8);
  EXPECT_DOUBLE_EQ(floor.tokens_per_second, 100);
  EXPECT_DOUBLE_EQ(floor.share, 0.5);
}

TEST(Floor, IsNoneWhereNothingBoundsOrNothingIsKnown) {
  Machine large = machine();
  large.cache_bytes = 200'000'000;
  const Prompting prompting{.prompt_tokens = 500};
  EXPECT_NE(find_floor(kBytes, large, prompting, 50).reason.find("fits the processor's cache"),
            std::string::npos);
  Machine unknown = machine();
  unknown.read_bytes_per_s = 0;
  EXPECT_FALSE(find_floor(kBytes, unknown, prompting, 50).reason.empty());
  Machine hidden = machine();
  hidden.cache_bytes = 0;
  EXPECT_NE(find_floor(kBytes, hidden, prompting, 50).reason.find("cache is not known"),
            std::string::npos);
  EXPECT_FALSE(find_floor(std::nullopt, machine(), prompting, 50).reason.empty());
  EXPECT_EQ(find_floor(std::nullopt, machine(), prompting, 50).tokens_per_second, 0);
}

TEST(Floor, OfAFirstTokenReadsTheWeightsOfTheLayersOncePerCall) {
  Prompting prompting{.prompt_tokens = 130, .uncached_tokens = 16, .block_tokens = 64};
  Floor floor = find_floor(kBytes, machine(), prompting, 50);
  EXPECT_DOUBLE_EQ(floor.first_token_ns, 3 * 7.5e6);
  EXPECT_DOUBLE_EQ(floor.cached_first_token_ns, 7.5e6);
  prompting.block_tokens = 0;
  floor = find_floor(kBytes, machine(), prompting, 50);
  EXPECT_DOUBLE_EQ(floor.first_token_ns, 130 * 7.5e6);
  Machine large = machine();
  large.cache_bytes = 80'000'000;
  floor = find_floor(kBytes, large, prompting, 50);
  EXPECT_GT(floor.tokens_per_second, 0);
  EXPECT_EQ(floor.first_token_ns, 0) << "the layers alone fit the cache";
}

TEST(Floor, TheHeadOfAPackageOfItsOwnIsNoPartOfAPromptsWeights) {
  const auto bytes =
      step_bytes(std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll");
  ASSERT_TRUE(bytes);
  // The embedding stands in the head once more, in fp16.
  const double head = 2.0 * 256 * 4096;
  EXPECT_LT(bytes->prompt_weights, bytes->weights);
  EXPECT_GT(bytes->prompt_weights, 0.5 * bytes->weights);
  EXPECT_GT(bytes->weights - bytes->prompt_weights, 0.1 * head);
}

/// 8,192 tokens in blocks of 64 that take 5 ms at least, however much the cache holds; 700 ms cold,
/// 120 ms with the prefix cached.
Report at_8k() {
  Configuration one = decoded_at(8192, {40, 41, 42});
  one.measurement->first_token.warm_ns = make_series({7.0e8, 7.1e8, 6.9e8}, {});
  one.measurement->first_token.cached_ns = make_series({1.2e8, 1.3e8, 1.1e8}, {});
  one.measurement->first_token.cached_prefix_tokens = 8112;
  one.measurement->floor =
      find_floor(StepBytes{5e7, 9.4e8, 8192, 5e7}, machine(),
                 {.prompt_tokens = 8128, .uncached_tokens = 16, .block_tokens = 64}, 41);
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
  EXPECT_NEAR(verdicts[2].floor.value(), 1e10 / (5e7 + 9.4e8 * 8128 / 8192), 1e-9);
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
  const auto held = hold_against(reference, {9, 9, 9}, {3, 4, 7, 6}, kOn);
  ASSERT_TRUE(held.ok()) << held.error().to_string();
  EXPECT_DOUBLE_EQ(held->match_rate, 0.75);
  EXPECT_EQ(held->first_difference, 2);
  const auto same = hold_against(reference, {9, 9, 9}, {3, 4}, kOn);
  EXPECT_DOUBLE_EQ(same->match_rate, 1);
  EXPECT_FALSE(same->first_difference);
  const auto stopped = hold_against(reference, {9, 9, 9}, {3, 4}, [] { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
}

TEST(Prediction, AChipOfUnpublishedSpeedHasAReason) {
  const auto model = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  for (const std::vector<std::string>& chips :
       {std::vector<std::string>{"m4", "a12"}, {"a12", "m4"}}) {
    Configuration one;
    predict(model, chips, 64, one);
    ASSERT_EQ(one.predicted.size(), 1U) << "nothing is published of A12";
    EXPECT_EQ(one.predicted[0].chip, "M4");
    EXPECT_NE(one.predicted_reason.find("nothing is published of the speed of A12"),
              std::string::npos)
        << one.predicted_reason;
  }
  Configuration known;
  predict(model, {"m4", "a18"}, 64, known);
  EXPECT_EQ(known.predicted.size(), 2U);
  EXPECT_EQ(known.predicted_reason, "");
  Configuration none;
  predict("nowhere", {"m4"}, 64, none);
  EXPECT_TRUE(none.predicted.empty());
  EXPECT_NE(none.predicted_reason.find("nowhere"), std::string::npos) << none.predicted_reason;
}

}  // namespace
}  // namespace anemone::bench
