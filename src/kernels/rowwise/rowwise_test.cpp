#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/float16.h"
#include "kernels/kernels.h"

namespace anemone::kernels {
namespace {

constexpr int64_t kLengths[] = {1, 5, 16, 17, 64, 257, 1024};

std::vector<float> row(int64_t count, float mean) {
  std::mt19937 random(static_cast<uint32_t>(count));
  std::normal_distribution<float> normal(mean, 2.0f);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

/// The largest relative error of softmax against double arithmetic.
double softmax_error(RowwiseKernels::SoftmaxFunction softmax, int64_t count) {
  std::vector<float> x = row(count, 1.0f);
  if (count > 4) x[3] = -INFINITY;
  std::vector<float> y(x.size()), scratch(x.size());
  softmax(x.data(), y.data(), count, scratch.data());
  double sum = 0;
  for (const float value : x) sum += std::exp(static_cast<double>(value));
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i])) / sum;
    worst = std::max(worst, expected == 0 ? std::fabs(static_cast<double>(y[i]))
                                          : std::fabs(static_cast<double>(y[i]) / expected - 1));
  }
  return worst;
}

// The exponential has 2 units, its argument half a unit of at most 16, the sum 16 ways of n / 16
// terms, the division half a unit: 2^-24 * (4 + 16 + n / 16 + 5).
double softmax_bound(int64_t count) { return 0x1p-24 * (25.0 + static_cast<double>(count) / 16); }

TEST(RowwiseKernels, SoftmaxIsWithinItsBound) {
  for (const KernelSet& set : kernel_sets())
    for (const int64_t count : kLengths)
      EXPECT_LE(softmax_error(set.rowwise->softmax[1], count), softmax_bound(count)) << set.isa;
}

/// Leaves out the subtraction of the maximum and the last element of the sum.
void wrong_softmax(const void* from, void* to, int64_t count, float*) noexcept {
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<float*>(to);
  float sum = 0;
  for (int64_t i = 0; i + 1 < count; ++i) sum += std::exp(x[i]);
  for (int64_t i = 0; i < count; ++i) y[i] = std::exp(x[i]) / sum;
}

TEST(RowwiseKernels, AWrongSumIsNoticed) {
  EXPECT_GT(softmax_error(wrong_softmax, 257), softmax_bound(257));
}

TEST(RowwiseKernels, HiddenEndOfARowChangesNoBitOfSoftmax) {
  for (const KernelSet& set : kernel_sets())
    for (const int64_t visible : {1, 15, 16, 17, 40, 255, 256})
      for (const int64_t hidden : {0, 1, 15, 16, 33, 300}) {
        const auto count = static_cast<size_t>(visible + hidden);
        std::vector<float> x = row(visible, 1.0f);
        x.resize(count, -INFINITY);
        std::vector<uint16_t> halves(count);
        for (size_t i = 0; i < count; ++i) halves[i] = float_to_fp16(x[i]);
        std::vector<float> scratch(count), whole(count);
        std::vector<uint16_t> whole_halves(count);
        set.rowwise->softmax[1](x.data(), whole.data(), static_cast<int64_t>(count),
                                scratch.data());
        set.rowwise->softmax[0](halves.data(), whole_halves.data(), static_cast<int64_t>(count),
                                scratch.data());
        // Just as small against the rest, but no mask: nothing is passed over.
        for (size_t i = static_cast<size_t>(visible); i < count; ++i) {
          x[i] = -30000.0f;
          halves[i] = float_to_fp16(-30000.0f);
        }
        std::vector<float> seen(count);
        std::vector<uint16_t> seen_halves(count);
        set.rowwise->softmax[1](x.data(), seen.data(), static_cast<int64_t>(count), scratch.data());
        set.rowwise->softmax[0](halves.data(), seen_halves.data(), static_cast<int64_t>(count),
                                scratch.data());
        EXPECT_EQ(seen, whole) << set.isa << " " << visible << " and " << hidden;
        EXPECT_EQ(seen_halves, whole_halves) << set.isa << " " << visible << " and " << hidden;
      }
}

TEST(RowwiseKernels, SoftmaxOfNoNumberIsNone) {
  for (const KernelSet& set : kernel_sets())
    for (const float first : {-INFINITY, INFINITY, NAN}) {
      std::vector<float> x(48, -INFINITY);
      x[0] = first;
      std::vector<float> y(x.size()), scratch(x.size());
      set.rowwise->softmax[1](x.data(), y.data(), 48, scratch.data());
      for (const float value : y) EXPECT_TRUE(std::isnan(value)) << set.isa << " " << first;
    }
}

/// What `mul`, `add` and `softmax` make of products, one after the other; all of `count` keys.
template <typename T>
std::vector<T> weights_in_steps(const KernelSet& set, std::vector<T> products, const float* scale,
                                const std::vector<T>& mask) {
  constexpr auto kStorage = sizeof(T) == sizeof(uint16_t) ? 0 : 1;
  const auto& binary = set.elementwise->binary;
  const auto count = static_cast<int64_t>(products.size());
  if (scale != nullptr) {
    T stored;
    if constexpr (kStorage == 0)
      stored = float_to_fp16(*scale);
    else
      stored = *scale;
    binary[static_cast<int>(Binary::mul)][kStorage](products.data(), 1, &stored, 0, products.data(),
                                                    count);
  }
  binary[static_cast<int>(Binary::add)][kStorage](products.data(), 1, mask.data(), 1,
                                                  products.data(), count);
  std::vector<float> scratch(products.size());
  set.rowwise->softmax[kStorage](products.data(), products.data(), count, scratch.data());
  return products;
}

/// The same at once, of which the first `used` keys are no zeros.
template <typename T>
std::vector<float> weights_at_once(const KernelSet& set, const std::vector<float>& products,
                                   const float* scale, const std::vector<T>& mask, int64_t used) {
  constexpr auto kStorage = sizeof(T) == sizeof(uint16_t) ? 0 : 1;
  const auto count = static_cast<int64_t>(products.size());
  const int64_t known = (used + 15) / 16 * 16;
  std::vector<float> row(static_cast<size_t>(known + 32), 7.0f);
  std::copy_n(products.begin(), used, row.begin());
  const int64_t rest = std::min(known, count);
  set.rowwise->attention[kStorage](
      {.row = row.data(),
       .mask = mask.data(),
       .rest_mask = set.rowwise->reduce[static_cast<int>(Reduction::maximum)][kStorage](
           mask.data() + rest, count - rest),
       .unused = products.back(),
       .scale = scale == nullptr ? 1.0f : *scale,
       .scales = scale != nullptr,
       .used = used,
       .count = count,
       .end = known + 32});
  return row;
}

TEST(RowwiseKernels, AttentionIsItsStepsBitByBit) {
  const float eighth = 0.125f;
  for (const KernelSet& set : kernel_sets())
    for (const float hidden : {-INFINITY, -40000.0f, -3.0f})
      for (const float* scale : {static_cast<const float*>(nullptr), &eighth})
        for (const int64_t used : {1, 15, 16, 17, 40, 300})
          for (const int64_t unused : {0, 1, 15, 33}) {
            const auto count = static_cast<size_t>(used + unused);
            std::vector<float> products = row(used, 1.0f);
            products.resize(count, 0.0f);
            std::vector<uint16_t> halves(count), mask_halves(count);
            std::vector<float> mask(count, 0.0f);
            if (used > 2) mask[1] = -INFINITY;
            for (size_t i = static_cast<size_t>(used); i < count; ++i) mask[i] = hidden;
            for (size_t i = 0; i < count; ++i) {
              halves[i] = float_to_fp16(products[i]);
              mask_halves[i] = float_to_fp16(mask[i]);
            }
            const auto expected = weights_in_steps(set, products, scale, mask);
            const auto expected_halves = weights_in_steps(set, halves, scale, mask_halves);
            const auto got = weights_at_once(set, products, scale, mask, used);
            const auto got_halves = weights_at_once(set, products, scale, mask_halves, used);
            for (size_t i = 0; i < static_cast<size_t>(used); ++i) {
              EXPECT_EQ(got[i], expected[i]) << set.isa << " " << used << " " << i;
              EXPECT_EQ(got_halves[i], fp16_to_float(expected_halves[i]))
                  << set.isa << " " << used << " of " << count << ", " << i;
            }
            for (size_t i = static_cast<size_t>(used); i < got.size(); ++i) {
              EXPECT_EQ(got[i], 0.0f);
              EXPECT_EQ(got_halves[i], 0.0f);
            }
          }
}

TEST(RowwiseKernels, AttentionThatSeesNoNumberIsNone) {
  for (const KernelSet& set : kernel_sets()) {
    const std::vector<float> products(48, 1.0f);
    for (const float first : {-INFINITY, NAN}) {
      std::vector<float> mask(48, -INFINITY);
      mask[0] = first;
      const auto weights = weights_at_once(set, products, nullptr, mask, 20);
      for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(std::isnan(weights[i])) << set.isa;
    }
    std::vector<float> unknown(48, 1.0f);
    unknown.back() = NAN;  // a product with a key of zeros
    const auto weights = weights_at_once(set, unknown, nullptr, std::vector<float>(48, 0.0f), 20);
    for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(std::isnan(weights[i])) << set.isa;
  }
}

/// From the highest down to where powers are too small to count. A power has up to 8 units, the sum
/// half of one for each of the additions, 16 ways of n / 16 terms and then 16.
TEST(RowwiseKernels, PowersHaveTheErrorOfDoubleAndTheSameBits) {
  for (const int64_t count : kLengths)
    for (const double step : {1e-6, 1e-3, 0.3, 2.0, 11.0}) {
      std::vector<float> x;
      for (int64_t i = 0; i < count; ++i)
        x.push_back(static_cast<float>(4.5 - static_cast<double>(i * 37 % 61) * step));
      long double expected = 0;
      for (const float value : x) expected += std::exp(static_cast<long double>(value) - 4.5L);
      const double scalar = kernel_sets()[0].rowwise->sum_powers(x.data(), count, 4.5);
      const double bound = 0x1p-53 * (16 + static_cast<double>(count) / 16 + 16);
      EXPECT_NEAR(static_cast<double>(scalar / expected), 1, bound) << count << " " << step;
      for (const KernelSet& set : kernel_sets())
        EXPECT_EQ(set.rowwise->sum_powers(x.data(), count, 4.5), scalar) << set.isa;
    }
  const std::vector<float> hidden = {0.0f, -INFINITY, -INFINITY};
  EXPECT_EQ(kernel_sets().back().rowwise->sum_powers(hidden.data(), 3, 0.0), 1.0);
}

TEST(RowwiseKernels, LayerNormIsWithinItsBound) {
  for (const KernelSet& set : kernel_sets())
    for (const int64_t count : kLengths) {
      const std::vector<float> x = row(count, 0.5f);
      const std::vector<float> gamma = row(count, 1.0f);
      const std::vector<float> beta = row(count, -1.0f);
      std::vector<float> y(x.size());
      const float epsilon = 1e-5f;
      set.rowwise->layer_norm[1](x.data(), gamma.data(), beta.data(), epsilon, y.data(), count);
      double mean = 0;
      double variance = 0;
      for (const float value : x) mean += static_cast<double>(value) / static_cast<double>(count);
      for (const float value : x)
        variance += std::pow(static_cast<double>(value) - mean, 2) / static_cast<double>(count);
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = (static_cast<double>(x[i]) - mean) /
                                    std::sqrt(variance + static_cast<double>(epsilon)) *
                                    static_cast<double>(gamma[i]) +
                                static_cast<double>(beta[i]);
        EXPECT_NEAR(static_cast<double>(y[i]), expected, 1e-5) << set.isa << " " << count;
      }
    }
}

TEST(RowwiseKernels, ReductionsAreExactOrOrdered) {
  for (const KernelSet& set : kernel_sets())
    for (const int64_t count : kLengths) {
      const std::vector<float> x = row(count, 0.5f);
      float partial[16] = {};
      float top = -INFINITY;
      float bottom = INFINITY;
      for (size_t k = 0; k < x.size(); ++k) {
        partial[k % 16] += x[k];
        top = std::max(top, x[k]);
        bottom = std::min(bottom, x[k]);
      }
      for (size_t half = 8; half > 0; half /= 2)
        for (size_t j = 0; j < half; ++j) partial[j] += partial[j + half];
      const auto& reduce = set.rowwise->reduce;
      EXPECT_EQ(reduce[static_cast<int>(Reduction::sum)][1](x.data(), count), partial[0])
          << set.isa << " " << count;
      EXPECT_EQ(reduce[static_cast<int>(Reduction::maximum)][1](x.data(), count), top);
      EXPECT_EQ(reduce[static_cast<int>(Reduction::minimum)][1](x.data(), count), bottom);
    }
}

TEST(RowwiseKernels, EveryInstructionSetHasTheSameBits) {
  const RowwiseKernels& scalar = *kernel_sets()[0].rowwise;
  for (const KernelSet& set : kernel_sets())
    for (const int64_t count : kLengths) {
      const std::vector<float> x = row(count, 0.5f);
      std::vector<uint16_t> halves(x.size());
      for (size_t i = 0; i < x.size(); ++i) halves[i] = float_to_fp16(x[i]);
      std::vector<float> scratch(x.size()), expected(x.size()), got(x.size());
      std::vector<uint16_t> expected_halves(x.size()), got_halves(x.size());

      scalar.softmax[1](x.data(), expected.data(), count, scratch.data());
      set.rowwise->softmax[1](x.data(), got.data(), count, scratch.data());
      EXPECT_EQ(expected, got) << set.isa << " softmax " << count;
      scalar.softmax[0](halves.data(), expected_halves.data(), count, scratch.data());
      set.rowwise->softmax[0](halves.data(), got_halves.data(), count, scratch.data());
      EXPECT_EQ(expected_halves, got_halves) << set.isa << " softmax " << count;

      scalar.layer_norm[1](x.data(), nullptr, x.data(), 1e-6f, expected.data(), count);
      set.rowwise->layer_norm[1](x.data(), nullptr, x.data(), 1e-6f, got.data(), count);
      EXPECT_EQ(expected, got) << set.isa << " layer_norm " << count;
      scalar.layer_norm[0](halves.data(), x.data(), nullptr, 1e-6f, expected_halves.data(), count);
      set.rowwise->layer_norm[0](halves.data(), x.data(), nullptr, 1e-6f, got_halves.data(), count);
      EXPECT_EQ(expected_halves, got_halves) << set.isa << " layer_norm " << count;
      for (int f = 0; f < kReductionCount; ++f)
        for (int storage = 0; storage < 2; ++storage) {
          const void* data = storage == 0 ? static_cast<const void*>(halves.data()) : x.data();
          EXPECT_EQ(scalar.reduce[f][storage](data, count),
                    set.rowwise->reduce[f][storage](data, count));
        }
    }
}

}  // namespace
}  // namespace anemone::kernels
