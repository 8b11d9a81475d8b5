#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anemone {
namespace {

TEST(Float16, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = fp16_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(fp16_to_float(float_to_fp16(value)))) << bits;
      continue;
    }
    EXPECT_EQ(float_to_fp16(value), half) << bits;
    EXPECT_EQ(double_to_fp16(static_cast<double>(value)), half) << bits;
  }
}

TEST(Float16, TiesGoToEvenAndNeighboursToTheNearest) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const auto low = static_cast<uint16_t>(bits);
    const auto high = static_cast<uint16_t>(bits + 1);
    const double middle = (static_cast<double>(fp16_to_float(low)) + fp16_to_float(high)) / 2;
    const uint16_t even = bits % 2 == 0 ? low : high;
    EXPECT_EQ(double_to_fp16(middle), even) << bits;
    EXPECT_EQ(double_to_fp16(-middle), even | 0x8000) << bits;
    EXPECT_EQ(float_to_fp16(static_cast<float>(middle)), even) << bits;
    EXPECT_EQ(double_to_fp16(std::nextafter(middle, 1e9)), high) << bits;
    EXPECT_EQ(double_to_fp16(std::nextafter(middle, 0)), low) << bits;
  }
}

TEST(Float16, OverflowAndSpecialValues) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(float_to_fp16(65519.99F), 0x7bff);
  EXPECT_EQ(float_to_fp16(65520.0F), 0x7c00);
  EXPECT_EQ(float_to_fp16(-kInfinity), 0xfc00);
  EXPECT_EQ(double_to_fp16(1e300), 0x7c00);
  EXPECT_EQ(double_to_fp16(-1e-300), 0x8000);
  EXPECT_EQ(float_to_fp16(-0.0F), 0x8000);
  EXPECT_TRUE(std::isnan(fp16_to_float(double_to_fp16(std::nan("")))));
}

TEST(Float16, DoubleRoundsOnce) {
  // 1 + 2^-11 + 2^-40 lies above the tie; through float it would become the tie and go to even.
  EXPECT_EQ(double_to_fp16(1.0 + 0x1p-11 + 0x1p-40), 0x3c01);
  EXPECT_EQ(double_to_fp16(1.0 + 0x1p-11), 0x3c00);
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(1.0F), 0x3f80);
  EXPECT_EQ(float_to_bf16(1.0F + 0x1p-8F), 0x3f80);
  EXPECT_EQ(float_to_bf16(1.0F + 3 * 0x1p-8F), 0x3f82);
  EXPECT_EQ(bf16_to_float(0x3f82), 1.015625F);
}

}  // namespace
}  // namespace anemone
