#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/check.h"
#include "base/error.h"
#include "generate/exponential.h"

namespace anemone::generate {
namespace {

struct Range {
  const char* name;
  double value;
  double least;
  double most;
};

/// Within these no logit of a model overflows.
constexpr double kMostPenalty = 1e4;
constexpr double kMostFactor = 1e4;
constexpr double kMostCount = 1e9;

Status check(const Sampling& sampling, int64_t vocab_size) {
  const Range ranges[] = {
      {"temperature", sampling.temperature, 0, kMostFactor},
      {"top_k", static_cast<double>(sampling.top_k), 0, kMostCount},
      {"top_p", sampling.top_p, 0, 1},
      {"min_p", sampling.min_p, 0, 1},
      {"typical_p", sampling.typical_p, 0, 1},
      {"repetition_penalty", sampling.repetition_penalty, 1 / kMostFactor, kMostFactor},
      {"presence_penalty", sampling.presence_penalty, -kMostPenalty, kMostPenalty},
      {"frequency_penalty", sampling.frequency_penalty, -kMostPenalty, kMostPenalty}};
  for (const Range& each : ranges)
    if (!(each.value >= each.least && each.value <= each.most))
      return fail(ErrorCode::invalid_argument, "{} is {}, expected {} to {}", each.name, each.value,
                  each.least, each.most);
  std::set<int32_t> biased;
  for (const TokenBias& each : sampling.logit_bias) {
    if (each.token < 0 || each.token >= vocab_size ||
        !(std::abs(static_cast<double>(each.bias)) <= kMostPenalty))
      return fail(ErrorCode::invalid_argument,
                  "logit_bias gives {} to token {}, expected {} to {} and a token below {}",
                  each.bias, each.token, -kMostPenalty, kMostPenalty, vocab_size);
    if (!biased.insert(each.token).second)
      return fail(ErrorCode::invalid_argument, "logit_bias names token {} twice", each.token);
  }
  return {};
}

/// Place of the largest. Errors: see Sampler::choose.
Result<size_t> find_best(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity())
      return fail(ErrorCode::out_of_range, "logit {} is {}: the model's numbers overflowed", i,
                  logits[i]);
    if (logits[i] > logits[best]) best = i;
  }
  if (logits.empty() || std::isinf(logits[best]))
    return fail(ErrorCode::out_of_range, "none of {} logits is finite", logits.size());
  return best;
}

}  // namespace

std::vector<std::unique_ptr<SamplerStep>> steps_of(const Sampling& sampling) {
  std::vector<std::unique_ptr<SamplerStep>> steps;
#define SAMPLER(name) \
  if (auto step = name##_step(sampling)) steps.push_back(std::move(step));
#include "generate/samplers/samplers.inc"
#undef SAMPLER
  return steps;
}

Result<Sampler> Sampler::make(const Sampling& sampling, int64_t vocab_size) {
  ANEMONE_RETURN_IF_ERROR(check(sampling, vocab_size));
  return Sampler(sampling, vocab_size);
}

Sampler::Sampler(const Sampling& sampling, int64_t vocab_size)
    : greedy_(sampling.temperature == 0),
      state_(sampling.seed),
      history_(vocab_size),
      steps_(steps_of(sampling)) {
  candidates_.reserve(static_cast<size_t>(vocab_size));
  weights_.reserve(greedy_ ? 0 : static_cast<size_t>(vocab_size));
}

double Sampler::uniform() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  return static_cast<double>(mixed >> 11) * 0x1p-53;
}

Result<int32_t> Sampler::choose(std::span<const float> logits) {
  ANEMONE_TRY(const size_t best, find_best(logits));
  if (takes_best()) return static_cast<int32_t>(best);
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i)
    if (!std::isinf(logits[i])) candidates_.push_back({static_cast<int32_t>(i), logits[i]});
  for (const auto& step : steps_) step->apply(candidates_, history_);
  ANEMONE_CHECK(!candidates_.empty(), "the likeliest token is left");
  return draw();
}

int32_t Sampler::draw() {
  const Candidate best = *std::ranges::max_element(candidates_, {}, &Candidate::logit);
  if (greedy_ || candidates_.size() == 1) return best.token;
  weights_.resize(candidates_.size());
  double total = 0;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    weights_[i] =
        exponential(static_cast<double>(candidates_[i].logit) - static_cast<double>(best.logit));
    total += weights_[i];
  }
  double left = uniform() * total;
  for (size_t i = 0; i < weights_.size(); ++i) {
    left -= weights_[i];
    if (left < 0) return candidates_[i].token;
  }
  return best.token;
}

}  // namespace anemone::generate
