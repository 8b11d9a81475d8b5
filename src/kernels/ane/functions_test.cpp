#include "kernels/ane/functions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/float16.h"

namespace anemone::kernels::ane {
namespace {

constexpr uint16_t kInfinity = 0x7c00;
constexpr uint16_t kMinusInfinity = 0xfc00;

uint16_t half(double value) { return double_to_fp16(value); }
double number(uint16_t bits) { return static_cast<double>(fp16_to_float(bits)); }

/// Calls visit(x, result) for all finite operands in [least, most].
template <typename Visit>
void each(Function function, double least, double most, const Visit& visit) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const double x = number(static_cast<uint16_t>(bits));
    if (x >= least && x <= most) visit(x, number(apply(function, static_cast<uint16_t>(bits))));
  }
}

template <typename Exact>
double largest_error(Function function, double range, const Exact& exact) {
  double largest = 0;
  each(function, -range, range,
       [&](double x, double y) { largest = std::max(largest, std::fabs(y - exact(x))); });
  return largest;
}

/// In steps of fp16 at the exact result.
template <typename Exact>
double largest_units(Function function, double least, double most, const Exact& exact) {
  double largest = 0;
  each(function, least, most, [&](double x, double y) {
    const double wanted = exact(x);
    if (std::fabs(wanted) > 65504) return;
    const int exponent = std::max(std::ilogb(wanted), -14);
    largest = std::max(largest, std::fabs(y - wanted) / std::ldexp(1, exponent - 10));
  });
  return largest;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(AneFunctions, ActivationsAreAsWrongAsPublished) {
  const auto near = [](double measured, double published) {
    EXPECT_NEAR(measured, published, 0.12 * published);
  };
  near(largest_error(Function::sigmoid, 9, sigmoid), 3.4e-3);
  near(largest_error(Function::silu, 9, [](double x) { return x * sigmoid(x); }), 1.5e-2);
  near(largest_error(Function::gelu, 9,
                     [](double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; }),
       6.2e-3);
  near(largest_error(Function::tanh, 9, [](double x) { return std::tanh(x); }), 1.6e-3);
  near(largest_error(Function::erf, 9, [](double x) { return std::erf(x); }), 8.6e-4);
  near(largest_error(Function::sin, 8, [](double x) { return std::sin(x); }), 6.3e-4);
  near(largest_error(Function::cos, 8, [](double x) { return std::cos(x); }), 6.3e-4);
}

// Published: exp 9.1, sqrt 1.2, rsqrt 2.1, inverse 13.5 units of fp16. Where the model is better,
// what makes the difference is not published.
TEST(AneFunctions, FunctionsWithReducedRangesAreNoWorseThanPublished) {
  const double exps = largest_units(Function::exp, -9, 11, [](double x) { return std::exp(x); });
  EXPECT_GT(exps, 4);
  EXPECT_LT(exps, 9.1);
  const double roots =
      largest_units(Function::sqrt, 1e-7, 65504, [](double x) { return std::sqrt(x); });
  EXPECT_NEAR(roots, 1.2, 0.2);
  const double inverse_roots =
      largest_units(Function::rsqrt, 1e-7, 65504, [](double x) { return 1 / std::sqrt(x); });
  EXPECT_NEAR(inverse_roots, 2.1, 0.3);
  const double inverses =
      largest_units(Function::inverse, 1e-3, 1e3, [](double x) { return 1 / x; });
  EXPECT_GT(inverses, 0.9);
  EXPECT_LT(inverses, 13.5);
  double logs = 0;
  each(Function::log, 0x1p-24, 65504,
       [&](double x, double y) { logs = std::max(logs, std::fabs(y - std::log(x))); });
  EXPECT_GT(logs, 1e-3);
  EXPECT_LT(logs, 6.6e-3);
}

TEST(AneFunctions, AreTheirLimitsBeyondTheTables) {
  EXPECT_EQ(number(apply(Function::sigmoid, half(20))), 1);
  EXPECT_EQ(number(apply(Function::sigmoid, half(-20))), 0);
  EXPECT_EQ(number(apply(Function::sigmoid, half(0))), 0.5);
  EXPECT_EQ(number(apply(Function::gelu, half(50))), 50);
  EXPECT_EQ(number(apply(Function::silu, half(-50))), 0);
  EXPECT_EQ(apply(Function::silu, kInfinity), kInfinity);
  EXPECT_EQ(number(apply(Function::tanh, half(-3.998))),
            -number(apply(Function::tanh, half(3.998))));
  EXPECT_EQ(number(apply(Function::tanh, half(3.998))), 1 - 0x1p-11) << "a step to 1 at 4";
  EXPECT_EQ(number(apply(Function::tanh, half(4))), 1);
  EXPECT_EQ(apply(Function::erf, half(-2)), half(std::erf(-2)));
  EXPECT_EQ(number(apply(Function::erf, half(-4))), -1);
}

TEST(AneFunctions, SinesAreOfEveryQuarter) {
  EXPECT_EQ(apply(Function::sin, half(0)), 0);
  EXPECT_EQ(apply(Function::sin, half(-0.0)), half(-0.0));
  EXPECT_EQ(number(apply(Function::cos, half(0))), 1);
  for (const double x : {0.7, 2.2, 3.9, 5.4, 100.3, 30000.0}) {
    EXPECT_EQ(number(apply(Function::sin, half(-x))), -number(apply(Function::sin, half(x))));
    EXPECT_EQ(apply(Function::cos, half(-x)), apply(Function::cos, half(x)));
    EXPECT_NEAR(number(apply(Function::sin, half(x))), std::sin(number(half(x))), 7e-4);
    EXPECT_NEAR(number(apply(Function::cos, half(x))), std::cos(number(half(x))), 7e-4);
  }
  EXPECT_NEAR(number(apply(Function::sin, kInfinity)), std::sin(65536.0), 7e-4) << "a number";
}

TEST(AneFunctions, TakeWhatHasNoResult) {
  EXPECT_EQ(apply(Function::exp, half(12)), kInfinity);
  EXPECT_EQ(apply(Function::exp, kMinusInfinity), 0);
  EXPECT_EQ(apply(Function::log, half(0)), kMinusInfinity);
  EXPECT_EQ(apply(Function::log, half(-1)), kMinusInfinity);
  EXPECT_EQ(apply(Function::rsqrt, half(0)), kInfinity);
  EXPECT_EQ(apply(Function::sqrt, half(-4)), 0);
  EXPECT_EQ(apply(Function::inverse, half(0)), kInfinity);
  EXPECT_EQ(number(apply(Function::inverse, half(-4))), -0.25);
  EXPECT_EQ(number(apply(Function::sqrt, half(9216))), 96);
  EXPECT_EQ(number(apply(Function::rsqrt, half(1024))), 1.0 / 32);
}

TEST(AneFunctions, SoftmaxIsCloseAndSumsToOne) {
  std::vector<uint16_t> x;
  std::vector<double> exact;
  double whole = 0;
  for (int i = 0; i < 300; ++i) {
    x.push_back(half(std::sin(i) * 4 - (i % 7 == 0 ? 40000 : 0)));
    exact.push_back(std::exp(number(x.back())));
    whole += exact.back();
  }
  std::vector<uint16_t> y(x.size());
  softmax(x, y);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(number(y[i]), exact[i] / whole, 6e-3 * exact[i] / whole + 1e-6) << i;
    sum += number(y[i]);
  }
  EXPECT_NEAR(sum, 1, 4e-3);
  // Minus infinity is a number like others, so a row of nothing else is uniform.
  std::vector<uint16_t> masked(4, kMinusInfinity);
  softmax(masked, masked);
  for (const uint16_t one : masked) EXPECT_EQ(number(one), 0.25);
}

}  // namespace
}  // namespace anemone::kernels::ane
