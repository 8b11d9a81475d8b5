#include <algorithm>

#include "generate/exponential.h"
#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

/// Nguyen et al. 2024: tokens at least `p` times as likely as the likeliest.
class MinP final : public SamplerStep {
 public:
  explicit MinP(double p) : p_(p) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    const auto top = static_cast<double>(std::ranges::max(candidates, {}, &Candidate::logit).logit);
    std::erase_if(candidates, [&](const Candidate& each) {
      return exponential(static_cast<double>(each.logit) - top) < p_;
    });
  }

 private:
  double p_;
};

}  // namespace

std::unique_ptr<SamplerStep> min_p_step(const Sampling& sampling) {
  if (sampling.temperature == 0 || sampling.min_p == 0) return nullptr;
  return std::make_unique<MinP>(sampling.min_p);
}

}  // namespace anemone::generate
