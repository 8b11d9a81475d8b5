#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "kernels/kernels.h"

namespace anemone::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A spread over all magnitudes, both signs, and the special values.
std::vector<float> samples() {
  std::vector<float> values = {0.0f,     -0.0f, kInfinity,  -kInfinity, 1.0f,
                               -1.0f,    88.7f, -87.4f,     -103.0f,    0.625f,
                               65504.0f, 1e-8f, 6.1035e-5f, 5.9e-8f,    std::nanf("")};
  for (float magnitude = 1e-6f; magnitude < 120.0f; magnitude *= 1.0137f) {
    values.push_back(magnitude);
    values.push_back(-magnitude);
  }
  return values;
}

double exact(Unary function, double x, double parameter) {
  switch (function) {
    case Unary::abs:
      return std::fabs(x);
    case Unary::exp:
      return std::exp(x);
    case Unary::gelu_exact:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Unary::gelu_sigmoid:
      return x / (1 + std::exp(-1.702 * x));
    case Unary::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Unary::relu:
      return x < 0 ? 0 : x;
    case Unary::rsqrt:
      return 1 / std::sqrt(x + parameter);
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::silu:
      return x / (1 + std::exp(-x));
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::square:
      return x * x;
    case Unary::tanh:
      return std::tanh(x);
  }
  return 0;
}

/// The bound of each function: units in the last place of the exact result, and for the gelu forms,
/// which cancel for negative x, units of x.
struct Bound {
  Unary function;
  double ulp;
  double relative_to_x;
};
constexpr Bound kBounds[] = {{Unary::abs, 0, 0},           {Unary::exp, 2, 0},
                             {Unary::gelu_exact, 4, 3e-7}, {Unary::gelu_sigmoid, 6, 1e-6},
                             {Unary::gelu_tanh, 6, 3e-7},  {Unary::relu, 0, 0},
                             {Unary::rsqrt, 2, 0},         {Unary::sigmoid, 4, 0},
                             {Unary::silu, 5, 1.5e-45},    {Unary::sqrt, 0.5, 0},
                             {Unary::square, 0.5, 0},      {Unary::tanh, 3, 0}};

/// Samples for which `function` is further from the exact value than its bound.
int64_t count_far(ElementwiseKernels::UnaryFunction function, const Bound& bound) {
  const std::vector<float> x = samples();
  std::vector<float> y(x.size());
  const float parameter = 0x1p-20f;
  function(x.data(), y.data(), static_cast<int64_t>(x.size()), parameter);
  int64_t far = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = exact(bound.function, static_cast<double>(x[i]), 0x1p-20);
    const double got = static_cast<double>(y[i]);
    if (std::isnan(expected)) {
      // gelu of -infinity is 0 times infinity in any formula.
      far += !std::isnan(got) && !std::isinf(x[i]);
      continue;
    }
    const auto nearest = static_cast<float>(expected);
    if (std::isinf(nearest) || std::isinf(y[i])) {
      far += nearest != y[i];
      continue;
    }
    const double unit =
        static_cast<double>(std::nextafter(std::fabs(nearest), kInfinity) - std::fabs(nearest));
    const double of_x = std::isinf(x[i]) ? 0 : std::fabs(static_cast<double>(x[i]));
    const double tolerance = bound.ulp * unit + bound.relative_to_x * of_x;
    far += !(std::fabs(got - expected) <= tolerance);
  }
  return far;
}

TEST(ElementwiseKernels, UnaryFunctionsAreWithinTheirBounds) {
  for (const KernelSet& set : kernel_sets())
    for (const Bound& bound : kBounds)
      EXPECT_EQ(count_far(set.elementwise->unary[static_cast<int>(bound.function)][1], bound), 0)
          << set.isa << " function " << static_cast<int>(bound.function);
}

/// As sigmoid, with the exponential series cut short.
void coarse_sigmoid(const void* from, void* to, int64_t count, float) noexcept {
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<float*>(to);
  for (int64_t i = 0; i < count; ++i) {
    const float power = std::exp2(std::nearbyint(-x[i] * 1.442695f));
    const float rest = -x[i] - std::log(power);
    y[i] = 1 / (1 + power * (1 + rest + rest * rest / 2));
  }
}

TEST(ElementwiseKernels, ACoarseFunctionIsNoticed) {
  EXPECT_GT(count_far(coarse_sigmoid, Bound{Unary::sigmoid, 4, 0}), 0);
}

TEST(ElementwiseKernels, EveryInstructionSetHasTheSameBits) {
  const std::vector<float> x = samples();
  const auto count = static_cast<int64_t>(x.size());
  std::vector<uint16_t> halves(x.size());
  for (size_t i = 0; i < x.size(); ++i) halves[i] = float_to_fp16(x[i]);
  std::vector<float> shifted(x.rbegin(), x.rend());
  std::vector<uint16_t> shifted_halves(halves.rbegin(), halves.rend());
  const ElementwiseKernels& scalar = *kernel_sets()[0].elementwise;
  const auto same = [](const auto& a, const auto& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const bool both_nan =
          std::isnan(static_cast<double>(a[i])) && std::isnan(static_cast<double>(b[i]));
      if (!both_nan && std::memcmp(&a[i], &b[i], sizeof a[i]) != 0) return false;
    }
    return true;
  };
  for (const KernelSet& set : kernel_sets()) {
    for (int f = 0; f < kUnaryCount; ++f) {
      std::vector<float> expected(x.size()), got(x.size());
      scalar.unary[f][1](x.data(), expected.data(), count, 0.5f);
      set.elementwise->unary[f][1](x.data(), got.data(), count, 0.5f);
      EXPECT_TRUE(same(expected, got)) << set.isa << " unary " << f;
      std::vector<uint16_t> expected_halves(x.size()), got_halves(x.size());
      scalar.unary[f][0](halves.data(), expected_halves.data(), count, 0.5f);
      set.elementwise->unary[f][0](halves.data(), got_halves.data(), count, 0.5f);
      for (size_t i = 0; i < x.size(); ++i)
        if ((expected_halves[i] & 0x7fff) <= 0x7c00 || (got_halves[i] & 0x7fff) <= 0x7c00) {
          EXPECT_EQ(expected_halves[i], got_halves[i])
              << set.isa << " unary " << f << " of " << x[i];
        }
    }
    for (int f = 0; f < kBinaryCount; ++f)
      for (const int64_t a_step : {0, 1})
        for (const int64_t b_step : {0, 1}) {
          std::vector<float> expected(x.size()), got(x.size());
          scalar.binary[f][1](x.data(), a_step, shifted.data(), b_step, expected.data(), count);
          set.elementwise->binary[f][1](x.data(), a_step, shifted.data(), b_step, got.data(),
                                        count);
          EXPECT_TRUE(same(expected, got)) << set.isa << " binary " << f;
        }
    std::vector<float> wide(x.size());
    std::vector<uint16_t> narrow(x.size());
    set.elementwise->to_fp16(x.data(), narrow.data(), count);
    EXPECT_EQ(narrow, halves) << set.isa;
    set.elementwise->to_fp32(halves.data(), wide.data(), count);
    for (size_t i = 0; i < x.size(); ++i)
      if (!std::isnan(x[i])) {
        EXPECT_EQ(wide[i], fp16_to_float(halves[i])) << set.isa;
      }
  }
}

TEST(ElementwiseKernels, BinaryFunctionsRoundOnceToFp16) {
  const uint16_t a[] = {float_to_fp16(1.0f), float_to_fp16(60000.0f), float_to_fp16(6e-8f)};
  const uint16_t b[] = {float_to_fp16(0x1p-11f), float_to_fp16(60000.0f), float_to_fp16(6e-8f)};
  for (const KernelSet& set : kernel_sets()) {
    uint16_t y[3];
    set.elementwise->binary[static_cast<int>(Binary::add)][0](a, 1, b, 1, y, 3);
    EXPECT_EQ(y[0], float_to_fp16(1.0f)) << "a tie goes to even";
    EXPECT_EQ(y[1], 0x7c00) << "overflow is infinity";
    EXPECT_EQ(y[2], 2) << "subnormals stay";
  }
}

}  // namespace
}  // namespace anemone::kernels
