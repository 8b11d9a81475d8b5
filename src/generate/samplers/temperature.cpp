#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

class Temperature final : public SamplerStep {
 public:
  explicit Temperature(float temperature) : temperature_(temperature) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    for (Candidate& each : candidates) each.logit /= temperature_;
  }

 private:
  float temperature_;
};

}  // namespace

std::unique_ptr<SamplerStep> temperature_step(const Sampling& sampling) {
  if (sampling.temperature == 0 || sampling.temperature == 1) return nullptr;
  return std::make_unique<Temperature>(static_cast<float>(sampling.temperature));
}

}  // namespace anemone::generate
