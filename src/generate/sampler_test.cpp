#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace anemone::generate {
namespace {

TEST(SamplerTest, GreedyTakesTheFirstOfEquals) {
  Sampler sampler(0, 1);
  EXPECT_EQ(*sampler.choose(std::array{1.0F, 3.0F, 3.0F}), 1);
}

TEST(SamplerTest, RefusesLogitsWithoutProbabilities) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const double temperature : {0.0, 1.0}) {
    Sampler sampler(temperature, 1);
    const auto nan = sampler.choose(std::array{-5.0F, kNaN, -4.0F});
    ASSERT_FALSE(nan.ok());
    EXPECT_EQ(nan.error().code, ErrorCode::out_of_range);
    EXPECT_EQ(nan.error().message, "logit 1 is nan: the model's numbers overflowed");
    EXPECT_FALSE(sampler.choose(std::array{0.0F, kInfinity}).ok());
    EXPECT_FALSE(sampler.choose(std::array{-kInfinity, -kInfinity}).ok());
    EXPECT_FALSE(sampler.choose({}).ok());
    EXPECT_EQ(*sampler.choose(std::array{-kInfinity, 0.0F}), 1) << "a masked token is no fault";
  }
}

TEST(SamplerTest, ASeedGivesTheSameDraws) {
  const std::array logits{0.1F, 0.2F, 0.3F, 0.4F};
  Sampler first(1, 42);
  Sampler second(1, 42);
  Sampler other(1, 43);
  int differences = 0;
  for (int i = 0; i < 100; ++i) {
    const int32_t token = *first.choose(logits);
    EXPECT_EQ(token, *second.choose(logits));
    differences += token != *other.choose(logits) ? 1 : 0;
  }
  EXPECT_GT(differences, 20);
}

/// Chi-square against softmax(logits / T), 4 cells: 16.27 is the 0.1 % point at 3 degrees of
/// freedom.
TEST(SamplerTest, DrawsFollowTheSoftmaxAtTheTemperature) {
  const std::array logits{0.0F, 0.5F, 1.0F, 2.0F};
  for (const double temperature : {0.5, 1.0, 2.0}) {
    Sampler sampler(temperature, 7);
    std::array<int, 4> counts{};
    constexpr int kDraws = 40000;
    for (int i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(*sampler.choose(logits))];
    double total = 0;
    for (const float logit : logits) total += std::exp(static_cast<double>(logit) / temperature);
    double chi_square = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      const double expected =
          kDraws * std::exp(static_cast<double>(logits[i]) / temperature) / total;
      chi_square += std::pow(counts[i] - expected, 2) / expected;
    }
    EXPECT_LT(chi_square, 16.27) << temperature;
  }
}

}  // namespace
}  // namespace anemone::generate
