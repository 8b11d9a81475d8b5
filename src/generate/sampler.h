#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "anemone/generate.h"
#include "anemone/result.h"
#include "generate/sampler_step.h"

namespace anemone::generate {

/// Chooses tokens from logits: the steps of samplers.inc, then the likeliest at temperature 0 (ties
/// to the lowest id), otherwise one draw.
///
/// Draws use SplitMix64 (Steele, Lea, Flood 2014), its upper 53 bits as a number in [0, 1);
/// probabilities are summed in double in the order of ids (see exponential.h), so a seed gives the
/// same tokens on every machine. A steady step allocates nothing.
class Sampler {
 public:
  /// Errors: invalid_argument (a number out of its range, a bias of a token that is none).
  static Result<Sampler> make(const Sampling& sampling, int64_t vocab_size);

  /// The likeliest token is taken as the model gives it.
  bool takes_best() const { return greedy_ && steps_.empty(); }
  /// Tokens that stand before the answer.
  void add_prompt(std::span<const int32_t> tokens) { history_.add_prompt(tokens); }
  /// The token has become part of the answer.
  void accept(int32_t token) { history_.add_generated(token); }
  /// Errors: out_of_range when a logit is NaN or +infinity, or none is finite: they have no
  /// probabilities.
  Result<int32_t> choose(std::span<const float> logits);

 private:
  Sampler(const Sampling& sampling, int64_t vocab_size);
  int32_t draw();
  double uniform();

  bool greedy_;
  uint64_t state_;
  TokenHistory history_;
  std::vector<std::unique_ptr<SamplerStep>> steps_;
  std::vector<Candidate> candidates_;
  std::vector<double> weights_;
};

}  // namespace anemone::generate
