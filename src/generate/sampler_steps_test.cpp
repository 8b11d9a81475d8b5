#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "generate/exponential.h"
#include "generate/sampler_step.h"
#include "support/shared.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::json;

Sampling sampling_of(const Json& json) {
  Sampling sampling;
  sampling.temperature = json.value("temperature", 0.0);
  sampling.top_k = json.value("top_k", int64_t{0});
  sampling.top_p = json.value("top_p", 1.0);
  sampling.min_p = json.value("min_p", 0.0);
  sampling.typical_p = json.value("typical_p", 1.0);
  sampling.repetition_penalty = json.value("repetition_penalty", 1.0);
  const Json biases = json.value("logit_bias", Json::object());
  for (const auto& [token, bias] : biases.items())
    sampling.logit_bias.push_back({std::stoi(token), bias.get<float>()});
  return sampling;
}

std::vector<Candidate> candidates_of(std::span<const float> logits) {
  std::vector<Candidate> candidates;
  for (const float logit : logits)
    candidates.push_back({static_cast<int32_t>(candidates.size()), logit});
  return candidates;
}

std::vector<int32_t> tokens_of(const std::vector<Candidate>& candidates) {
  std::vector<int32_t> tokens;
  for (const Candidate& each : candidates) tokens.push_back(each.token);
  return tokens;
}

TEST(SamplerSteps, LeaveWhatTransformersLeaves) {
  std::ifstream file(test::source_folder() / "tests/golden/sampling/steps.json");
  const Json golden = Json::parse(file);
  TokenHistory history(golden.at("vocab_size"));
  history.add_prompt(golden.at("prompt").get<std::vector<int32_t>>());
  ASSERT_GE(golden.at("cases").size(), 36U);
  for (const Json& each : golden.at("cases")) {
    SCOPED_TRACE(each.at("sampling").dump());
    auto candidates = candidates_of(each.at("logits").get<std::vector<float>>());
    for (const auto& step : steps_of(sampling_of(each.at("sampling"))))
      step->apply(candidates, history);
    std::vector<int32_t> expected;
    for (const Json& kept : each.at("kept")) expected.push_back(kept[0]);
    ASSERT_EQ(tokens_of(candidates), expected);
    // Only differences of logits count.
    const float ours = std::ranges::max(candidates, {}, &Candidate::logit).logit;
    float theirs = each.at("kept")[0][1];
    for (const Json& kept : each.at("kept")) theirs = std::max(theirs, kept[1].get<float>());
    for (size_t i = 0; i < candidates.size(); ++i)
      EXPECT_NEAR(candidates[i].logit - ours, each.at("kept")[i][1].get<float>() - theirs, 4e-6);
  }
}

/// The definition of the OpenAI API: logit - count * frequency_penalty - (count > 0) *
/// presence_penalty, of tokens of the answer alone.
TEST(SamplerSteps, PresenceAndFrequencyCountTheAnswer) {
  TokenHistory history(4);
  history.add_prompt(std::vector<int32_t>{0});
  for (const int32_t token : {1, 2, 2, 2}) history.add_generated(token);
  auto candidates = candidates_of(std::vector<float>{1, 1, 1, 1});
  for (const auto& step : steps_of({.presence_penalty = 0.5, .frequency_penalty = 0.25}))
    step->apply(candidates, history);
  EXPECT_EQ(candidates[0].logit, 1);
  EXPECT_EQ(candidates[1].logit, 0.25F);
  EXPECT_EQ(candidates[2].logit, -0.25F);
  EXPECT_EQ(candidates[3].logit, 1);
}

TEST(SamplerSteps, EqualsAtTheEdge) {
  const std::vector<float> logits = {2, 1, 1, 1, 0};
  const TokenHistory history(5);
  const auto left = [&](const Sampling& sampling) {
    auto candidates = candidates_of(logits);
    for (const auto& step : steps_of(sampling)) step->apply(candidates, history);
    return tokens_of(candidates);
  };
  EXPECT_EQ(left({.temperature = 1, .top_k = 2}), (std::vector<int32_t>{0, 1, 2, 3}));
  // e^2 of e^2 + 3 e + 1 are 0.447, one more e 0.611.
  EXPECT_EQ(left({.temperature = 1, .top_p = 0.6}), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(left({.temperature = 1, .top_p = 0}), (std::vector<int32_t>{0}));
}

TEST(SamplerSteps, GreedyAsksForBiasAndPenaltiesAlone) {
  EXPECT_TRUE(steps_of({.top_k = 3, .top_p = 0.5, .min_p = 0.1, .typical_p = 0.5}).empty());
  EXPECT_EQ(steps_of({.repetition_penalty = 1.5, .logit_bias = {{1, 2.0F}}}).size(), 2U);
}

/// Values of mpmath.exp with 30 digits.
TEST(Exponential, IsWithinABitOfTheTruth) {
  EXPECT_EQ(exponential(0), 1);
  EXPECT_NEAR(exponential(-0.3), 0.740818220681717866, 2e-16);
  EXPECT_NEAR(exponential(-1), 0.367879441171442322, 1e-16);
  for (double x = 0; x > -740; x -= 0.37)
    EXPECT_NEAR(exponential(x) / std::exp(x), 1, 1e-15 + (x < -708 ? 1e-2 : 0)) << x;
  EXPECT_EQ(exponential(-800), 0);
  EXPECT_EQ(exponential(-std::numeric_limits<double>::infinity()), 0);
}

}  // namespace
}  // namespace anemone::generate
