#include "generate/sampler.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace anemone::generate {

double Sampler::uniform() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  return static_cast<double>(mixed >> 11) * 0x1p-53;
}

Result<int32_t> Sampler::choose(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity())
      return fail(ErrorCode::out_of_range, "logit {} is {}: the model's numbers overflowed", i,
                  logits[i]);
    if (logits[i] > logits[best]) best = i;
  }
  if (logits.empty() || std::isinf(logits[best]))
    return fail(ErrorCode::out_of_range, "none of {} logits is finite", logits.size());
  if (temperature_ <= 0) return static_cast<int32_t>(best);
  const auto top = static_cast<double>(logits[best]);
  weights_.resize(logits.size());
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp((static_cast<double>(logits[i]) - top) / temperature_);
    weights_[i] = weight;
    total += weight;
  }
  double left = uniform() * total;
  for (size_t i = 0; i < weights_.size(); ++i) {
    left -= weights_[i];
    if (left < 0) return static_cast<int32_t>(i);
  }
  return static_cast<int32_t>(best);
}

}  // namespace anemone::generate
