#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/result.h"

namespace anemone::generate {

/// Chooses a token from logits. Greedy at temperature 0, otherwise one draw from softmax(logits /
/// temperature).
///
/// Draws use SplitMix64 (Steele, Lea, Flood 2014), its upper 53 bits as a number in [0, 1);
/// probabilities are summed in double in the order of ids, so a seed gives the same tokens on every
/// machine.
class Sampler {
 public:
  Sampler(double temperature, uint64_t seed) : temperature_(temperature), state_(seed) {}
  /// Ties go to the lowest id. Errors: out_of_range when a logit is NaN or +infinity, or none is
  /// finite: they have no probabilities.
  Result<int32_t> choose(std::span<const float> logits);

 private:
  double uniform();

  double temperature_;
  uint64_t state_;
  std::vector<double> weights_;
};

}  // namespace anemone::generate
