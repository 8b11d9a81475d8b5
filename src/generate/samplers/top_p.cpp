#include "generate/fewest.h"

namespace anemone::generate {
namespace {

/// Holtzman et al. 2020 (nucleus sampling): the fewest likeliest tokens that reach p together.
class TopP final : public SamplerStep {
 public:
  explicit TopP(double p) : p_(p) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    fewest_.weigh(candidates);
    fewest_.keep(candidates, p_, Fewest::Equals::drop,
                 [&](size_t i) { return -static_cast<double>(candidates[i].logit); });
  }

 private:
  double p_;
  Fewest fewest_;
};

}  // namespace

std::unique_ptr<SamplerStep> top_p_step(const Sampling& sampling) {
  if (sampling.temperature == 0 || sampling.top_p >= 1) return nullptr;
  return std::make_unique<TopP>(sampling.top_p);
}

}  // namespace anemone::generate
