#include <algorithm>
#include <functional>

#include "generate/sampler_step.h"

namespace anemone::generate {
namespace {

/// Keeps the k largest logits, and those that equal the smallest of them.
class TopK final : public SamplerStep {
 public:
  explicit TopK(size_t k) : k_(k) {}

  void apply(std::vector<Candidate>& candidates, const TokenHistory&) override {
    if (candidates.size() <= k_) return;
    logits_.resize(candidates.size());
    std::ranges::transform(candidates, logits_.begin(), &Candidate::logit);
    const auto last = logits_.begin() + static_cast<ptrdiff_t>(k_ - 1);
    std::ranges::nth_element(logits_, last, std::greater());
    std::erase_if(candidates,
                  [least = *last](const Candidate& each) { return each.logit < least; });
  }

 private:
  size_t k_;
  std::vector<float> logits_;
};

}  // namespace

std::unique_ptr<SamplerStep> top_k_step(const Sampling& sampling) {
  if (sampling.temperature == 0 || sampling.top_k == 0) return nullptr;
  return std::make_unique<TopK>(static_cast<size_t>(sampling.top_k));
}

}  // namespace anemone::generate
