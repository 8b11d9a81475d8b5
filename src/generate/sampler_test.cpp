#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace anemone::generate {
namespace {

Sampler make(const Sampling& sampling, int64_t vocab_size = 4) {
  auto sampler = Sampler::make(sampling, vocab_size);
  EXPECT_TRUE(sampler.ok()) << sampler.error().to_string();
  return *std::move(sampler);
}

TEST(SamplerTest, GreedyTakesTheFirstOfEquals) {
  Sampler sampler = make({});
  EXPECT_EQ(*sampler.choose(std::array{1.0F, 3.0F, 3.0F}), 1);
}

TEST(SamplerTest, RefusesLogitsWithoutProbabilities) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const double temperature : {0.0, 1.0}) {
    Sampler sampler = make({.temperature = temperature});
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
  Sampler first = make({.temperature = 1, .seed = 42});
  Sampler second = make({.temperature = 1, .seed = 42});
  Sampler other = make({.temperature = 1, .seed = 43});
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
    Sampler sampler = make({.temperature = temperature, .seed = 7});
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

TEST(SamplerTest, PenaltiesMoveTheGreedyChoice) {
  Sampler sampler = make({.frequency_penalty = 0.6});
  const std::array logits{1.0F, 2.0F, 1.5F};
  EXPECT_EQ(*sampler.choose(logits), 1);
  sampler.accept(1);
  EXPECT_EQ(*sampler.choose(logits), 2);
  sampler.accept(2);
  EXPECT_EQ(*sampler.choose(logits), 1);
  EXPECT_EQ(*make({.logit_bias = {{0, 5}}}).choose(logits), 0);
}

/// Below the least float, too.
TEST(SamplerTest, ALowTemperatureIsGreedy) {
  const std::array logits{1.0F, -3.0F, 2.0F, 1.9F};
  for (const double temperature : {1e-3, 1e-30, 1e-46, 1e-300})
    for (const Sampling& sampling :
         {Sampling{.temperature = temperature}, Sampling{.temperature = temperature, .top_k = 3},
          Sampling{.temperature = temperature, .top_p = 0.9},
          Sampling{.temperature = temperature, .min_p = 0.1},
          Sampling{.temperature = temperature, .typical_p = 0.5}})
      EXPECT_EQ(*make(sampling).choose(logits), 2) << temperature;
}

TEST(SamplerTest, NumbersOutOfTheirRangeAreRefused) {
  const auto message = [](const Sampling& sampling) {
    const auto sampler = Sampler::make(sampling, 10);
    return sampler.ok() ? std::string() : sampler.error().message;
  };
  EXPECT_EQ(message({.temperature = -1}), "temperature is -1, expected 0 to 10000");
  EXPECT_EQ(message({.temperature = std::nan("")}), "temperature is nan, expected 0 to 10000");
  EXPECT_EQ(message({.top_k = -1}), "top_k is -1, expected 0 to 1000000000");
  EXPECT_EQ(message({.top_p = 1.5}), "top_p is 1.5, expected 0 to 1");
  EXPECT_EQ(message({.repetition_penalty = 0}),
            "repetition_penalty is 0, expected 0.0001 to 10000");
  EXPECT_EQ(message({.logit_bias = {{10, 1}}}),
            "logit_bias gives 1 to token 10, expected -10000 to 10000 and a token below 10");
  EXPECT_EQ(message({.frequency_penalty = 1e5}),
            "frequency_penalty is 100000, expected -10000 to 10000");
  EXPECT_EQ(message({.logit_bias = {{3, 1}, {3, 1}}}), "logit_bias names token 3 twice");
  EXPECT_EQ(message({.temperature = 2, .top_k = 3, .top_p = 0}), "");
}

}  // namespace
}  // namespace anemone::generate
