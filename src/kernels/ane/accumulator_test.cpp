#include "kernels/ane/accumulator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/float16.h"

namespace anemone::kernels::ane {
namespace {

uint16_t half(double value) { return double_to_fp16(value); }
double number(uint16_t bits) { return static_cast<double>(fp16_to_float(bits)); }

uint16_t sum_of(const std::vector<double>& a, const std::vector<double>& b, double bias = 0) {
  Accumulator sum(half(bias));
  for (size_t i = 0; i < a.size(); ++i) sum.add_product(half(a[i]), half(b[i]));
  return sum.result();
}

constexpr uint16_t kInfinity = 0x7c00;
constexpr uint16_t kMinusInfinity = 0xfc00;

TEST(AneAccumulator, SumsBelowTheLimitAreThoseOfFp16) {
  EXPECT_EQ(number(sum_of({1.5, -2, 0.25}, {2, 3, 8}, 0.5)), -0.5);
  EXPECT_EQ(number(sum_of({255}, {128})), 32640);
  EXPECT_EQ(sum_of({0.0}, {-1}), 0) << "no negative zero";
}

// The rows of 751K-M6's tables.
TEST(AneAccumulator, GivesThePublishedSums) {
  const std::vector<double> ones(5, 1.0);
  EXPECT_EQ(number(sum_of({32752}, {1})), 32752);
  EXPECT_EQ(sum_of({32768}, {1}), kInfinity);
  EXPECT_EQ(number(sum_of({16384, 16376}, ones)), 32768) << "rounded up below the limit";
  EXPECT_EQ(sum_of({16384, 16384, -16384, -16384, 1}, ones), kInfinity) << "and it stays";
  EXPECT_EQ(number(sum_of({16384, std::ldexp(1, -16), -16384}, ones)), std::ldexp(1, -16));
  EXPECT_EQ(sum_of({16384, std::ldexp(1, -18), -16384}, ones), 0);
  EXPECT_EQ(number(sum_of({std::ldexp(1, -17)}, ones)), std::ldexp(1, -16));
  EXPECT_EQ(number(sum_of({2048, 1}, ones)), 2050);
  EXPECT_EQ(number(sum_of({-4096, -2}, ones)), -4100);
  EXPECT_EQ(number(sum_of({65504}, {0.0625})), 4094) << "operands have all of fp16's range";
}

TEST(AneAccumulator, StartsFromTheBiasAsPublished) {
  const std::vector<double> ones(3, 1.0);
  EXPECT_EQ(number(sum_of({16384, 16384}, ones, -16384)), 16384);
  EXPECT_EQ(sum_of({16384, 16384, 16384}, ones, -16384), kInfinity);
  EXPECT_EQ(sum_of({32752}, ones, 32), kInfinity);
  EXPECT_EQ(sum_of({0}, ones, std::ldexp(1, -20)), 0);
  EXPECT_EQ(number(sum_of({0}, ones, std::ldexp(1, -17))), std::ldexp(1, -16));
  EXPECT_EQ(number(sum_of({std::ldexp(1, -17)}, ones, std::ldexp(1, -17))), std::ldexp(1, -15));
  EXPECT_EQ(number(sum_of({0.25}, ones, 1000.5)), 1001);
  EXPECT_EQ(sum_of({}, {}, 40000), kInfinity);
}

TEST(AneAccumulator, DropsProductsByTheSumOfExponentsAsPublished) {
  const auto power = [](double mantissa, int exponent) { return std::ldexp(mantissa, exponent); };
  for (const auto& [w, x] :
       {std::pair{power(1.875, -3), power(1.875, -14)},
        std::pair{power(1.99, -3), power(1.99, -14)}, std::pair{power(1.5, -4), power(1.9, -13)},
        std::pair{power(1.9375, -5), power(1.9375, -12)}, std::pair{0.2, power(0.99, -14)}})
    EXPECT_EQ(sum_of({x}, {w}), 0) << x << " " << w;
  EXPECT_EQ(number(sum_of({power(1.5, -13)}, {0.125})), power(2, -16));
  EXPECT_EQ(number(sum_of({power(0.5, -14)}, {0.25})), power(1, -16)) << "subnormal";
  // 4096 products that fp32 would sum to 1/64.
  EXPECT_EQ(sum_of(std::vector(4096, power(1, -9)), std::vector(4096, power(1, -9))), 0);
}

TEST(AneAccumulator, ReadsTheLargestExponentAsANumber) {
  constexpr uint16_t kNan = 0x7e00;
  EXPECT_EQ(decode(kInfinity), 65536);
  EXPECT_EQ(decode(kNan), 98304);
  EXPECT_EQ(decode(0x7fff), 131008);
  EXPECT_EQ(decode(0xfc00), -65536);
  Accumulator sum;
  sum.add_product(kNan, half(-1));
  EXPECT_EQ(sum.result(), kMinusInfinity);
  Accumulator small;
  small.add_product(kInfinity, half(0.125));
  EXPECT_EQ(number(small.result()), 8192);
  for (uint32_t bits = 0; bits < kInfinity; ++bits) {
    ASSERT_EQ(decode(static_cast<uint16_t>(bits)), fp16_to_float(static_cast<uint16_t>(bits)));
    ASSERT_EQ(decode(static_cast<uint16_t>(bits | 0x8000)),
              fp16_to_float(static_cast<uint16_t>(bits | 0x8000)));
  }
}

TEST(AneAccumulator, ResultsRoundHalvesAwayFromZero) {
  EXPECT_EQ(number(round_half_away(2049)), 2050);  // to nearest even: 2048
  EXPECT_EQ(number(round_half_away(-2049)), -2050);
  EXPECT_EQ(number(round_half_away(2049 - 1e-9)), 2048);
  EXPECT_EQ(number(round_half_away(1 + std::ldexp(1, -11))), 1 + std::ldexp(1, -10));
  EXPECT_EQ(number(round_half_away(std::ldexp(0.5, -24))), std::ldexp(1, -24));
  EXPECT_EQ(round_half_away(std::ldexp(0.49, -24)), 0);
  EXPECT_EQ(number(round_half_away(std::ldexp(1.5, -24))), std::ldexp(2, -24));
  EXPECT_EQ(number(round_half_away(std::ldexp(1023.5, -24))), std::ldexp(1, -14));
  EXPECT_EQ(number(round_half_away(2047.5)), 2048);
  EXPECT_EQ(round_half_away(65519), half(65504));
  EXPECT_EQ(round_half_away(65520), kInfinity);
  EXPECT_EQ(round_half_away(-1e9), kMinusInfinity);
  EXPECT_EQ(round_half_away(std::nan("")), kInfinity);
  EXPECT_EQ(round_half_away(-std::nan("")), kInfinity);
  for (uint32_t bits = 0; bits < kInfinity; ++bits)
    ASSERT_EQ(round_half_away(number(static_cast<uint16_t>(bits))), bits);
}

TEST(AneAccumulator, SumsWithoutLimitsMeetTheLimitAtTheirEnd) {
  EXPECT_EQ(number(limited_sum(32767)), 32768);
  EXPECT_EQ(limited_sum(32768), kInfinity);
  EXPECT_EQ(limited_sum(-40000), kMinusInfinity);
  EXPECT_EQ(limited_sum(std::nan("")), kInfinity);
  EXPECT_EQ(limited_sum(-std::nan("")), kInfinity);
  EXPECT_EQ(limited_sum(-1e-9), 0) << "no negative zero";
}

}  // namespace
}  // namespace anemone::kernels::ane
