#include <algorithm>

#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

class LogitBias final : public SamplerStep {
 public:
  explicit LogitBias(std::vector<TokenBias> biases) : biases_(std::move(biases)) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    for (const TokenBias& each : biases_) {
      const auto found = std::ranges::lower_bound(candidates, each.token, {}, &Candidate::token);
      if (found != candidates.end() && found->token == each.token) found->logit += each.bias;
    }
  }

 private:
  std::vector<TokenBias> biases_;
};

}  // namespace

std::unique_ptr<SamplerStep> logit_bias_step(const Sampling& sampling) {
  if (sampling.logit_bias.empty()) return nullptr;
  return std::make_unique<LogitBias>(sampling.logit_bias);
}

}  // namespace anemone::generate
