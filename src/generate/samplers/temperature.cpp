#include <algorithm>
#include <cmath>

#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

/// Divides distances from the likeliest, which changes no probability and cannot overflow upwards;
/// what falls to minus infinity has none.
class Temperature final : public SamplerStep {
 public:
  explicit Temperature(double temperature) : temperature_(temperature) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    const auto top = static_cast<double>(std::ranges::max(candidates, {}, &Candidate::logit).logit);
    for (Candidate& each : candidates)
      each.logit = static_cast<float>((static_cast<double>(each.logit) - top) / temperature_);
    std::erase_if(candidates, [](const Candidate& each) { return std::isinf(each.logit); });
  }

 private:
  double temperature_;
};

}  // namespace

std::unique_ptr<SamplerStep> temperature_step(const Sampling& sampling) {
  if (sampling.temperature == 0 || sampling.temperature == 1) return nullptr;
  return std::make_unique<Temperature>(sampling.temperature);
}

}  // namespace anemone::generate
