#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

class FrequencyPenalty final : public SamplerStep {
 public:
  explicit FrequencyPenalty(float penalty) : penalty_(penalty) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory& history) override {
    for (Candidate& each : candidates)
      each.logit -= penalty_ * static_cast<float>(history.generated(each.token));
  }

 private:
  float penalty_;
};

}  // namespace

std::unique_ptr<SamplerStep> frequency_penalty_step(const Sampling& sampling) {
  if (sampling.frequency_penalty == 0) return nullptr;
  return std::make_unique<FrequencyPenalty>(static_cast<float>(sampling.frequency_penalty));
}

}  // namespace anemone::generate
