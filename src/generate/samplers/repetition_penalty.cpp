#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

/// Keskar et al. 2019 (CTRL), section 4.1, with the sign taken into account as transformers does.
class RepetitionPenalty final : public SamplerStep {
 public:
  explicit RepetitionPenalty(float penalty) : penalty_(penalty) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory& history) override {
    for (Candidate& each : candidates)
      if (history.seen(each.token))
        each.logit = each.logit < 0 ? each.logit * penalty_ : each.logit / penalty_;
  }

 private:
  float penalty_;
};

}  // namespace

std::unique_ptr<SamplerStep> repetition_penalty_step(const Sampling& sampling) {
  if (sampling.repetition_penalty == 1) return nullptr;
  return std::make_unique<RepetitionPenalty>(static_cast<float>(sampling.repetition_penalty));
}

}  // namespace anemone::generate
