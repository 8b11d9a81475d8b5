#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "base/float16.h"
#include "kernels/kernels.h"

namespace anemone::kernels {
namespace {

// Each value at every place of a set of lanes, and behind the last full set.
TEST(Conversion, RoundsEveryValueAsFloatsDo) {
  for (const KernelSet& set : kernel_sets())
    for (uint32_t shift = 0; shift < 17; ++shift) {
      std::vector<uint16_t> from;
      for (uint32_t bits = 0; bits < 65536; ++bits)
        from.push_back(static_cast<uint16_t>(shift % 2 == 0 ? bits : bits * 40503));
      const size_t count = from.size() - shift;
      std::vector<uint16_t> to(count);
      std::vector<float> wide(count);
      const auto size = static_cast<int64_t>(count);
      for (const float scale : {1.0f, 0x1p-5f}) {
        EXPECT_FALSE(set.conversion->bf16_to_fp16(from.data() + shift, scale, to.data(), size));
        EXPECT_FALSE(set.conversion->bf16_to_fp32(from.data() + shift, scale, wide.data(), size));
        for (size_t i = 0; i < count; ++i) {
          const float exact = bf16_to_float(from[shift + i]) * scale;
          ASSERT_EQ(to[i], float_to_fp16(exact)) << set.isa << " " << from[shift + i];
          if (std::isnan(exact)) {
            ASSERT_TRUE(std::isnan(wide[i])) << set.isa;
          } else {
            ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]), std::bit_cast<uint32_t>(exact)) << set.isa;
          }
        }
      }
    }
}

TEST(Conversion, FindsTheOneValueThatDoesNotFit) {
  const uint16_t infinity = float_to_bf16(INFINITY);
  const uint16_t nan = float_to_bf16(NAN);
  const uint16_t largest = float_to_bf16(65280);  // the next one is 65536
  const auto above = static_cast<uint16_t>(largest + 1);
  for (const KernelSet& set : kernel_sets())
    for (size_t at = 0; at < 70; ++at)
      for (const uint16_t sign : {uint16_t{0x0000}, uint16_t{0x8000}}) {
        std::vector<uint16_t> from(70, largest);
        std::vector<uint16_t> half(70);
        std::vector<float> wide(70);
        const auto fits = [&](uint16_t value) {
          from[at] = static_cast<uint16_t>(value | sign);
          return std::pair(set.conversion->bf16_to_fp16(from.data(), 1, half.data(), 70),
                           set.conversion->bf16_to_fp32(from.data(), 1, wide.data(), 70));
        };
        EXPECT_EQ(fits(largest), std::pair(true, true)) << set.isa;
        EXPECT_EQ(fits(above), std::pair(false, true)) << set.isa << " at " << at;
        EXPECT_EQ(fits(infinity), std::pair(false, false)) << set.isa << " at " << at;
        EXPECT_EQ(fits(nan), std::pair(false, false)) << set.isa << " at " << at;
      }
}

TEST(Conversion, WeighsSquaresAlikeInEverySet) {
  for (const int64_t count : {0, 1, 15, 16, 17, 1000}) {
    std::vector<float> x;
    std::vector<float> factors;
    double exact = 0;
    for (int64_t i = 0; i < count; ++i) {
      x.push_back(std::sin(static_cast<float>(i) * 0.7f));
      factors.push_back(std::exp(std::cos(static_cast<float>(i))));
      exact += static_cast<double>(x.back()) * x.back() * factors.back();
    }
    const float expected =
        kernel_sets()[0].conversion->weighted_squares(x.data(), factors.data(), count);
    EXPECT_NEAR(expected, exact, 1e-6 * exact) << count;
    for (const KernelSet& set : kernel_sets())
      EXPECT_EQ(set.conversion->weighted_squares(x.data(), factors.data(), count), expected)
          << set.isa << " " << count;
  }
}

TEST(Conversion, RaisesToMagnitudes) {
  for (const KernelSet& set : kernel_sets())
    for (size_t at = 0; at < 40; ++at) {
      std::vector<float> most(40, 2.0f);
      std::vector<float> x(40, -1.0f);
      x[at] = -3.0f;
      set.conversion->raise_to_magnitudes(x.data(), most.data(), 40);
      for (size_t i = 0; i < 40; ++i) EXPECT_EQ(most[i], i == at ? 3.0f : 2.0f) << set.isa;
    }
}

}  // namespace
}  // namespace anemone::kernels
