#include "ane/cost.h"

#include <gtest/gtest.h>

#include <utility>

namespace anemone::ane {
namespace {

const Chip& chip(std::string_view name) { return **find_chip(name); }

/// Two layers, 4 query heads on 2 of keys, 64 wide, over 1024 positions.
StepWork small_decoder(int64_t width) {
  StepWork work{.weight_bytes = 64.2e6, .multiply_adds = 30e6, .layers = 2, .width = width};
  add_attention(work, {.layers = 2, .heads = 4, .kv_heads = 2, .head_dim = 64, .positions = 1024});
  return work;
}

constexpr CostConstants kRound{
    .attention_gbps = 100, .compute_factor = 1, .core_ml_layer_ms = 0.5, .private_launch_ms = 0.2};

TEST(Cost, CountsCachesAndScores) {
  const StepWork work = small_decoder(8);
  EXPECT_EQ(work.cache_bytes, 2 * 2 * 2 * 64 * 1024 * 2);           // layers, K and V, heads
  EXPECT_EQ(work.repeated_cache_bytes, 2 * 2 * 4 * 64 * 1024 * 2);  // to the query heads
  EXPECT_EQ(work.score_bytes, 2 * 4 * 8 * 1024 * 2);
}

TEST(Cost, AStepIsTheSumOfItsParts) {
  const auto step = predict_step(chip("m4"), Stack::core_ml, small_decoder(1), kRound);
  ASSERT_TRUE(step.ok());
  EXPECT_NEAR(step->weights_ms, 1.0, 1e-12);  // 64.2 MB at 64.2 GB/s
  EXPECT_NEAR(step->compute_ms, 2 * 30e6 / 19.0e9, 1e-12);
  EXPECT_NEAR(step->attention_ms, (1048576 + 2 * 2097152 + 6 * 16384) / 1e8, 1e-12);
  EXPECT_NEAR(step->overhead_ms, 2 * 0.5 + 0.25, 1e-12);
  EXPECT_NEAR(step->total_ms(), 1.0 + step->attention_ms + 1.25, 1e-12);
}

TEST(Cost, S4_24_TheFloorIsBytesOverBandwidth) {
  StepWork work = small_decoder(1);
  const double before = predict_step(chip("m4"), Stack::core_ml, work)->floor_ms;
  EXPECT_NEAR(before, (64.2e6 + 1048576) / 64.2e6, 1e-12);
  work.cache_bytes /= 2;
  EXPECT_NEAR(before - predict_step(chip("m4"), Stack::core_ml, work)->floor_ms,
              1048576 / 2 / 64.2e6, 1e-12);
}

TEST(Cost, WideStepsAreBoundByArithmetic) {
  const auto narrow = predict_step(chip("m1"), Stack::core_ml, small_decoder(1), kRound);
  const auto wide = predict_step(chip("m1"), Stack::core_ml, small_decoder(512), kRound);
  EXPECT_FALSE(narrow->compute_bound());
  EXPECT_TRUE(wide->compute_bound());
  EXPECT_NEAR(wide->compute_ms, 2 * 30e6 * 512 / 4.3e9, 1e-9);
  const auto of_narrow = estimate_energy(chip("m1"), *narrow);
  const auto of_wide = estimate_energy(chip("m1"), *wide);
  ASSERT_TRUE(of_narrow && of_wide);
  EXPECT_GT(of_wide->joules_low / wide->total_ms(), of_narrow->joules_high / narrow->total_ms());
}

TEST(Cost, EnergyNamesItsSourceAndIsNotKnownOfPhones) {
  const auto step = predict_step(chip("m4"), Stack::core_ml, small_decoder(1), kRound);
  const auto energy = estimate_energy(chip("m4"), *step);
  ASSERT_TRUE(energy);
  EXPECT_NE(energy->source.find("751K-M6"), std::string_view::npos);
  EXPECT_NEAR(energy->joules_floor, 2.0e-3 * step->floor_ms, 1e-12);
  EXPECT_LT(energy->joules_floor, energy->joules_low);
  EXPECT_FALSE(estimate_energy(chip("a19pro"), *step));
}

TEST(Cost, ABatchReadsWeightsOnceAndEachCacheForItself) {
  StepWork work = small_decoder(1);
  const auto one = predict_step(chip("m4"), Stack::core_ml, work, kRound);
  work.batch = 8;
  const auto eight = predict_step(chip("m4"), Stack::core_ml, work, kRound);
  EXPECT_EQ(eight->weights_ms, one->weights_ms);
  EXPECT_EQ(eight->overhead_ms, one->overhead_ms);
  EXPECT_NEAR(eight->attention_ms, 8 * one->attention_ms, 1e-12);
  EXPECT_NEAR(eight->compute_ms, 8 * one->compute_ms, 1e-12);
  EXPECT_NEAR(eight->floor_ms - one->floor_ms, 7 * work.cache_bytes / 64.2e6, 1e-12);
}

TEST(Cost, StacksDifferInOverheadOnly) {
  StepWork work = small_decoder(1);
  work.calls = 3;
  const auto of = [&](Stack stack) { return *predict_step(chip("m4"), stack, work, kRound); };
  EXPECT_NEAR(of(Stack::core_ai).overhead_ms, 3 * 0.25, 1e-12);
  EXPECT_NEAR(of(Stack::core_ml).overhead_ms, 3 * 0.25 + 2 * 0.5, 1e-12);
  EXPECT_NEAR(of(Stack::private_api).overhead_ms, 3 * 0.2, 1e-12);
  EXPECT_EQ(of(Stack::core_ai).weights_ms, of(Stack::private_api).weights_ms);
  work.islands = 2;
  EXPECT_NEAR(of(Stack::core_ai).overhead_ms, 3 * 0.25 + 2 * 0.375, 1e-12);
}

TEST(Cost, FiguresThatNobodyMeasuredComeFromAStatedRule) {
  EXPECT_TRUE(weight_bandwidth(chip("m4max")).measured);
  EXPECT_EQ(weight_bandwidth(chip("m4max")).value, 118.9);
  const ChipRate phone = weight_bandwidth(chip("a19pro"));
  EXPECT_FALSE(phone.measured);
  EXPECT_NEAR(phone.value, 0.89 * 77, 1e-12);
  EXPECT_NEAR(weight_bandwidth(chip("m2pro")).value, 62.0, 1e-12);   // M2 Max
  EXPECT_NEAR(weight_bandwidth(chip("m5max")).value, 145.0, 1e-12);  // M5 Pro
}

TEST(Cost, PeaksOfGemmsAreRaisedAndThoseOfConvolutionsAreNot) {
  constexpr CostConstants kTwice{100, 2, 0.5, 0.2};
  const auto reached = [&](std::string_view name) {
    return reached_compute(chip(name), kTwice).value;
  };
  EXPECT_NEAR(reached("m1"), 2 * 4.3, 1e-12);
  EXPECT_NEAR(reached("m4"), 19.0, 1e-12);
  EXPECT_NEAR(reached("m5pro"), 18.8, 1e-12);
  EXPECT_NEAR(reached("m3max"), 16.8, 1e-12);    // M3 Pro
  EXPECT_NEAR(reached("a18"), 2 * 10.9, 1e-12);  // the middle of M4, M4 Pro, M4 Max
}

TEST(Cost, NoWideProductIsFasterThanWhatWasEverPublishedOfTheChip) {
  // M1 and M1 Max: Apple's 11 TFLOP/s; the others as measured with convolutions
  for (const auto& [name, highest] :
       {std::pair("m1", 11.0), std::pair("m1max", 11.0), std::pair("m3pro", 16.8),
        std::pair("m4", 19.0), std::pair("m5pro", 18.8), std::pair("m6", 20.6)}) {
    StepWork work{.weight_bytes = 1, .multiply_adds = 1e9, .width = 4096};
    const auto step = predict_step(chip(name), Stack::core_ai, work);
    ASSERT_TRUE(step.ok());
    EXPECT_LE(2e9 * 4096 / step->total_ms() / 1e9, highest) << name;
  }
}

TEST(Cost, NoStepIsFasterThanItsFloor) {
  StepWork work{.weight_bytes = 3.8e9, .multiply_adds = 6.6e9, .layers = 32};
  add_attention(work,
                {.layers = 32, .heads = 32, .kv_heads = 32, .head_dim = 128, .positions = 4096});
  StepWork long_state = small_decoder(1);
  long_state.cache_bytes *= 8;  // of which an eighth is looked at
  for (const Chip& chip : all_chips()) {
    if (weight_bandwidth(chip).value <= 0) continue;
    for (const Stack stack : {Stack::core_ml, Stack::core_ai}) {
      for (const StepWork& step : {work, long_state}) {
        const auto cost = predict_step(chip, stack, step);
        ASSERT_TRUE(cost.ok());
        EXPECT_GE(cost->total_ms(), cost->floor_ms) << chip.label;
      }
    }
  }
}

TEST(Cost, AChipOfWhichNothingIsPublishedHasNoPrediction) {
  EXPECT_EQ(weight_bandwidth(chip("a12")).value, 0);
  const auto step = predict_step(chip("a12"), Stack::core_ml, small_decoder(1));
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace anemone::ane
