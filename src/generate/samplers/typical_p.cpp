#include <algorithm>
#include <cmath>

#include "generate/fewest.h"

namespace anemone::generate {
namespace {

/// Meister et al. 2022 (locally typical sampling): the fewest tokens that reach p together, those
/// first whose information is nearest to the entropy. Both hold the logarithm of the sum of all
/// weights, which falls out of their distance.
class TypicalP final : public SamplerStep {
 public:
  explicit TypicalP(double p) : p_(p) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    fewest_.weigh(candidates);
    const auto top = static_cast<double>(std::ranges::max(candidates, {}, &Candidate::logit).logit);
    const auto distance = [&](size_t i) { return static_cast<double>(candidates[i].logit) - top; };
    double mean = 0;
    for (size_t i = 0; i < candidates.size(); ++i) mean += fewest_.weights()[i] * distance(i);
    mean /= fewest_.total();
    fewest_.keep(candidates, p_, Fewest::Equals::keep,
                 [&](size_t i) { return std::abs(mean - distance(i)); });
  }

 private:
  double p_;
  Fewest fewest_;
};

}  // namespace

std::unique_ptr<SamplerStep> typical_p_step(const Sampling& sampling) {
  if (sampling.temperature == 0 || sampling.typical_p >= 1) return nullptr;
  return std::make_unique<TypicalP>(sampling.typical_p);
}

}  // namespace anemone::generate
