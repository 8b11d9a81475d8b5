#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>

#include "ane/calibration/expected_times.h"
#include "ane/calibration/fit.h"
#include "ane/calibration/model_document.h"

namespace anemone::ane {
namespace {

std::vector<double> held_out_errors(std::span<const Stack> stacks) {
  std::vector<double> errors;
  for (const PublishedPoint& point : decode_points()) {
    if (std::ranges::find(stacks, point.stack) == stacks.end()) continue;
    errors.push_back(std::abs(speed_error(point, fit(decode_points_without(*point.chip)))));
  }
  return errors;
}

TEST(CostModel, TheDocumentIsWhatTheProgramWrites) {
  std::ifstream file(std::string(ANEMONE_SOURCE_DIR) + "/docs/ane-model.md");
  const std::string committed{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(committed == model_document()) << "docs/ane-model.md is old: run `make ane-model`";
}

TEST(CostModel, ConstantsAreThoseOfTheFit) {
  const CostConstants fitted = fit(all_decode_points());
  EXPECT_DOUBLE_EQ(fitted.attention_gbps, kFittedCosts.attention_gbps);
  EXPECT_DOUBLE_EQ(fitted.compute_factor, kFittedCosts.compute_factor);
  EXPECT_DOUBLE_EQ(fitted.core_ml_layer_ms, kFittedCosts.core_ml_layer_ms);
  EXPECT_DOUBLE_EQ(fitted.private_launch_ms, kFittedCosts.private_launch_ms);
}

TEST(CostModel, HalfOfThePublishedSpeedsAreWithin20PercentWithoutTheirChip) {
  constexpr Stack kAll[] = {Stack::core_ml, Stack::core_ai, Stack::private_api};
  const std::vector<double> errors = held_out_errors(kAll);
  EXPECT_GE(errors.size(), 20U);
  EXPECT_LE(median(errors), 0.20);
}

TEST(CostModel, CoreMlAloneIsWithin20PercentToo) {
  constexpr Stack kCoreMl[] = {Stack::core_ml};
  EXPECT_LE(median(held_out_errors(kCoreMl)), 0.20);
}

TEST(CostModel, AFitFindsTheConstantsThatMadeItsPoints) {
  const CostConstants made{100, 1.2, 0.25, 0.2};
  std::vector<PublishedPoint> points(decode_points().begin(), decode_points().end());
  std::vector<const PublishedPoint*> pointers;
  for (PublishedPoint& point : points) {
    point.measured_ms = predicted_ms(point, made);
    pointers.push_back(&point);
  }
  const CostConstants found = fit(pointers);
  EXPECT_NEAR(found.attention_gbps, made.attention_gbps, 1);
  EXPECT_NEAR(found.compute_factor, made.compute_factor, 0.012);
  EXPECT_NEAR(found.core_ml_layer_ms, made.core_ml_layer_ms, 0.0025);
  EXPECT_NEAR(found.private_launch_ms, made.private_launch_ms, 0.002);
}

TEST(CostModel, AHeldOutChipHasNoPartInItsConstants) {
  const Chip* chip = *find_chip("a19pro");
  for (const PublishedPoint* point : decode_points_without(*chip)) EXPECT_NE(point->chip, chip);
  EXPECT_LT(decode_points_without(*chip).size(), decode_points().size());
}

double floor_of(std::string_view model, std::string_view chip) {
  for (const ExpectedTime& time : expected_times()) {
    if (time.model == model && time.chip == chip) return floor_ms(time);
  }
  ADD_FAILURE() << model;
  return 0;
}

TEST(ExpectedTimes, S3_53_TheFloorOf7BIsAboveWhatIsExpectedOfM3Pro) {
  EXPECT_NEAR(floor_of("7B fp16", "m3pro"), 2 * 7.24e9 / 120.2e6, 1e-9);  // 50 to 100 expected
  EXPECT_NEAR(floor_of("7B int8", "m3pro"), 7.24e9 / 120.2e6, 1e-9);      // 25 to 50
}

TEST(ExpectedTimes, S3_54_TheFloorOf13BIsAboveWhatIsExpectedOfM3Pro) {
  EXPECT_NEAR(floor_of("13B fp16", "m3pro"), 2 * 13e9 / 120.2e6, 1e-9);  // 100 to 200 expected
  EXPECT_NEAR(floor_of("13B int8", "m3pro"), 13e9 / 120.2e6, 1e-9);      // 50 to 100
}

TEST(ExpectedTimes, S4_36_FiftyTokensASecondAreJudgedByTheFloor) {
  EXPECT_GT(floor_of("9B int8, more than 50 tok/s", "m1max"), 20);
  EXPECT_GT(floor_of("9B int8, more than 50 tok/s", "m4max"), 20);
  EXPECT_NEAR(floor_of("0.6B fp16, more than 50 tok/s", "m1max"), 2 * 0.596e9 / 54.6e6, 1e-9);
}

TEST(ExpectedTimes, AnUncachedPromptOf8kIsBoundByArithmetic) {
  EXPECT_NEAR(floor_of("9B, first token of 8k, uncached", "m1max"),
              2 * 9e9 * 8192 / (4.6e9 * kFittedCosts.compute_factor), 1e-6);
}

TEST(ExpectedTimes, S4_35_AFirstTokenOf8kIsJudgedColdAndCachedApart) {
  const auto judged = [](std::string_view model) {
    const auto found = std::ranges::find(expected_times(), model, &ExpectedTime::model);
    EXPECT_NE(found, expected_times().end()) << model;
    EXPECT_EQ(found->high_ms, 500);
    return verdict_of(*found);
  };
  EXPECT_EQ(judged("9B, first token of 8k, uncached"), "below the floor");
  EXPECT_EQ(judged("0.6B, first token of 8k, uncached"), "below the floor");
  EXPECT_EQ(judged("9B, first token of 8k, all but 64 tokens cached"), "above the floor");
  EXPECT_NEAR(floor_of("9B, first token of 8k, all but 64 tokens cached", "m1max"), 9e9 / 54.6e6,
              1e-6);
}

TEST(CostModel, NoPointIsFasterThanTheMeasuredBandwidthAllows) {
  for (const PublishedPoint& point : decode_points()) {
    if (!weight_bandwidth(*point.chip).measured) continue;
    EXPECT_LT(floor_ms(point), point.measured_ms) << point.chip->label << ' ' << point.model;
  }
}

}  // namespace
}  // namespace anemone::ane
