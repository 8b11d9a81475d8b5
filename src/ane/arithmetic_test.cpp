#include "ane/arithmetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/float16.h"

namespace anemone::ane {
namespace {

uint16_t half(double value) { return float_to_fp16(static_cast<float>(value)); }
double number(uint16_t bits) { return static_cast<double>(fp16_to_float(bits)); }

constexpr uint16_t kInfinity = 0x7c00;
constexpr uint16_t kMinusInfinity = 0xfc00;

TEST(Arithmetic, SumsBelowTheLimitAreThoseOfFp16) {
  const std::vector<uint16_t> a{half(1.5), half(-2), half(0.25)};
  const std::vector<uint16_t> b{half(2), half(3), half(8)};
  EXPECT_EQ(number(dot(a, b, half(0.5))), -0.5);
  EXPECT_EQ(number(dot(std::vector{half(255)}, std::vector{half(128)})), 32640);
}

TEST(Arithmetic, PartialSumsOverflowAt32768AndStayInfinite) {
  const std::vector<uint16_t> a{half(128), half(128), half(-128)};
  const std::vector<uint16_t> b{half(255), half(1), half(255)};
  // 32640, 32768 = infinite; what follows changes nothing.
  EXPECT_EQ(dot(std::span(a).first(1), std::span(b).first(1)), half(32640));
  EXPECT_EQ(dot(std::span(a).first(2), std::span(b).first(2)), kInfinity);
  EXPECT_EQ(dot(a, b), kInfinity);
  // The same products in another order never reach it: the order of a sum matters.
  const std::vector<uint16_t> c{half(128), half(-128), half(128)};
  const std::vector<uint16_t> d{half(255), half(255), half(1)};
  EXPECT_EQ(number(dot(c, d)), 128);
  EXPECT_EQ(dot(std::vector{half(-256)}, std::vector{half(256)}), kMinusInfinity);
  EXPECT_EQ(dot({}, {}, half(40000)), kInfinity);
}

TEST(Arithmetic, TheAccumulatorTellsWhatItReached) {
  Accumulator sum(half(1));
  sum.add_product(half(-3), half(4));
  sum.add_product(half(11), half(1));
  EXPECT_EQ(number(sum.result()), 0);
  EXPECT_EQ(sum.largest(), 11);
  EXPECT_FALSE(sum.overflowed());
  sum.add_product(half(60000), half(60000));
  EXPECT_TRUE(sum.overflowed());
  EXPECT_EQ(sum.largest(), kAccumulatorLimit);
}

TEST(Arithmetic, SmallProductsAreDropped) {
  const uint16_t small = half(std::ldexp(1, -8));
  EXPECT_EQ(dot(std::vector{small}, std::vector{half(std::ldexp(1.9990234375, -9))}), 0);
  EXPECT_EQ(number(dot(std::vector{small}, std::vector{small})), std::ldexp(1, -16));
  // Many products that fp32 would sum to 1 vanish.
  const std::vector<uint16_t> many(4096, half(std::ldexp(1, -9)));
  EXPECT_EQ(dot(many, many), 0);
}

TEST(Arithmetic, ProductsAreRoundedToUnitsHalvesAwayFromZero) {
  // 2^-16 * 1.5 lies between one and two units.
  const uint16_t a = half(std::ldexp(1.5, -8));
  const uint16_t b = half(std::ldexp(1, -8));
  EXPECT_EQ(number(dot(std::vector{a}, std::vector{b})), std::ldexp(2, -16));
  EXPECT_EQ(number(dot(std::vector{a}, std::vector{half(-std::ldexp(1, -8))})),
            -std::ldexp(2, -16));
}

TEST(Arithmetic, ResultsRoundHalvesAwayFromZero) {
  EXPECT_EQ(number(round_half_away(2049)), 2050);  // to nearest even: 2048
  EXPECT_EQ(number(round_half_away(-2049)), -2050);
  EXPECT_EQ(number(round_half_away(2051)), 2052);
  EXPECT_EQ(number(round_half_away(std::ldexp(0.5, -24))), std::ldexp(1, -24));
  EXPECT_EQ(number(round_half_away(2047.5)), 2048);
  EXPECT_EQ(round_half_away(65519), half(65504));
  EXPECT_EQ(round_half_away(65520), kInfinity);
  EXPECT_EQ(round_half_away(-1e9), kMinusInfinity);
  for (uint32_t bits = 0; bits < kInfinity; ++bits)
    ASSERT_EQ(round_half_away(number(static_cast<uint16_t>(bits))), bits);
}

TEST(Arithmetic, NanIsReadAsInfinity) {
  EXPECT_EQ(read_operand(0x7e00), kInfinity);
  EXPECT_EQ(read_operand(0xfe01), kMinusInfinity);
  EXPECT_EQ(read_operand(0x3c00), 0x3c00);
  EXPECT_EQ(dot(std::vector<uint16_t>{0x7e00}, std::vector{half(-1)}), kMinusInfinity);
}

/// The largest error over all fp16 numbers in [-9, 9].
template <typename Exact>
double largest_error(Activation activation, const Exact& exact) {
  double largest = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double x = number(static_cast<uint16_t>(bits));
    if (!(std::fabs(x) <= 9)) continue;
    largest = std::max(
        largest, std::fabs(number(activate(activation, static_cast<uint16_t>(bits))) - exact(x)));
  }
  return largest;
}

TEST(Arithmetic, ActivationsAreAsWrongAsPublished) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto near = [](double measured, double published) {
    EXPECT_NEAR(measured, published, 0.12 * published);
  };
  near(largest_error(Activation::sigmoid, sigmoid), 3.4e-3);
  near(largest_error(Activation::silu, [&](double x) { return x * sigmoid(x); }), 1.5e-2);
  near(largest_error(Activation::gelu,
                     [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }),
       6.2e-3);
}

TEST(Arithmetic, ActivationsAreTheirLimitsBeyondTheTable) {
  EXPECT_EQ(number(activate(Activation::sigmoid, half(20))), 1);
  EXPECT_EQ(number(activate(Activation::sigmoid, half(-20))), 0);
  EXPECT_EQ(number(activate(Activation::sigmoid, half(0))), 0.5);
  EXPECT_EQ(number(activate(Activation::gelu, half(50))), 50);
  EXPECT_EQ(number(activate(Activation::silu, half(-50))), 0);
  EXPECT_EQ(activate(Activation::silu, kInfinity), kInfinity);
}

}  // namespace
}  // namespace anemone::ane
