#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

class PresencePenalty final : public SamplerStep {
 public:
  explicit PresencePenalty(float penalty) : penalty_(penalty) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory& history) override {
    for (Candidate& each : candidates)
      if (history.generated(each.token) > 0) each.logit -= penalty_;
  }

 private:
  float penalty_;
};

}  // namespace

std::unique_ptr<SamplerStep> presence_penalty_step(const Sampling& sampling) {
  if (sampling.presence_penalty == 0) return nullptr;
  return std::make_unique<PresencePenalty>(static_cast<float>(sampling.presence_penalty));
}

}  // namespace anemone::generate
