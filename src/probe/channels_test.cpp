#include "probe/channels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anemone::probe {
namespace {

Tensor rows(const std::vector<float>& values, int64_t channels) {
  return Tensor::from_values(DType::fp32,
                             {static_cast<int64_t>(values.size()) / channels, channels},
                             std::span<const float>(values));
}

TEST(Channels, ErrorsAreOverTheChannelAndTheMedianOfAll) {
  // Lengths 5, 0 and 10; median 5.
  const auto errors = channel_errors(rows({3, 0, 6, 4, 0, 8}, 3), rows({3, 1, 6, 5, 0, 11}, 3), 1);
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_NEAR(errors[0], 1.0 / 10, 1e-12);
  EXPECT_NEAR(errors[1], 1.0 / 5, 1e-12);
  EXPECT_NEAR(errors[2], 3.0 / 15, 1e-12);
}

TEST(Channels, TheScaleOfTheStreamIsUndone) {
  for (const double error : channel_errors(rows({2, 4}, 2), rows({0.5F, 1}, 2), 0.25))
    EXPECT_EQ(error, 0);
}

TEST(Channels, WhatIsNotFiniteHasNoErrors) {
  for (const float wrong :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_TRUE(channel_errors(rows({1, 1}, 2), rows({1, wrong}, 2), 1).empty());
    EXPECT_TRUE(channel_errors(rows({1, wrong}, 2), rows({1, 1}, 2), 1).empty());
  }
  for (const double error : channel_errors(rows({0, 0}, 2), rows({0, 0}, 2), 1))
    EXPECT_EQ(error, 0);
}

TEST(Channels, OneFarAboveTheOthersIsAstray) {
  std::vector<double> errors(64, 5e-4);
  EXPECT_FALSE(stray_channel(errors, {}));
  errors[17] = 0.01;
  EXPECT_EQ(stray_channel(errors, {}), 17);
}

TEST(Channels, RoundingIsNotAstrayHoweverRareItIs) {
  std::vector<double> errors(64, 1e-9);
  errors[3] = 5.9e-3;
  EXPECT_FALSE(stray_channel(errors, {}));
  errors[3] = 6.1e-3;
  EXPECT_EQ(stray_channel(errors, {}), 3);
}

TEST(Channels, AnErrorOfAPaletteIsMeasuredByTheOthers) {
  std::vector<double> errors(64, 0.05);
  errors[9] = 0.55;
  EXPECT_FALSE(stray_channel(errors, {}));
  errors[9] = 0.65;
  EXPECT_EQ(stray_channel(errors, {}), 9);
}

TEST(Channels, ManyThatAreOffAreADistributionAndNotOneOfThem) {
  std::vector<double> errors(100, 5e-4);
  for (size_t i = 0; i < 10; ++i) errors[i] = 0.01;
  EXPECT_FALSE(stray_channel(errors, {}));
}

TEST(Channels, WhatAChannelHadBeforeIsNoNews) {
  std::vector<double> errors(64, 5e-4);
  errors[5] = 0.01;
  std::vector<double> before = errors;
  EXPECT_FALSE(stray_channel(errors, before));
  errors[6] = 0.008;
  EXPECT_EQ(stray_channel(errors, before), 6);
}

TEST(Channels, AFewChannelsHaveNoDistribution) {
  std::vector<double> errors(15, 5e-4);
  errors[5] = 0.5;
  EXPECT_FALSE(stray_channel(errors, {}));
}

}  // namespace
}  // namespace anemone::probe
