#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "anemone/generate.h"

namespace anemone::generate {

struct Candidate {
  int32_t token = 0;
  float logit = 0;
};

/// The tokens of a sequence so far, counted.
class TokenHistory {
 public:
  explicit TokenHistory(int64_t vocab_size)
      : seen_(static_cast<size_t>(vocab_size)), generated_(static_cast<size_t>(vocab_size)) {}
  void add_prompt(std::span<const int32_t> tokens) {
    for (const int32_t token : tokens) seen_[static_cast<size_t>(token)] = true;
  }
  void add_generated(int32_t token) {
    seen_[static_cast<size_t>(token)] = true;
    ++generated_[static_cast<size_t>(token)];
  }
  /// In the prompt or in the answer.
  bool seen(int32_t token) const { return seen_[static_cast<size_t>(token)]; }
  /// How often in the answer.
  uint32_t generated(int32_t token) const { return generated_[static_cast<size_t>(token)]; }

 private:
  std::vector<bool> seen_;
  std::vector<uint32_t> generated_;
};

/// One change on the way from logits to what is drawn from: other logits, or fewer candidates,
/// which stay in the order of their ids.
class SamplerStep {
 public:
  virtual ~SamplerStep() = default;
  virtual void apply(std::vector<Candidate>& candidates, const TokenHistory& history) = 0;
};

/// The steps that `sampling` asks for, in their order.
std::vector<std::unique_ptr<SamplerStep>> steps_of(const Sampling& sampling);

#define SAMPLER(name) std::unique_ptr<SamplerStep> name##_step(const Sampling& sampling);
#include "generate/samplers/samplers.inc"
#undef SAMPLER

}  // namespace anemone::generate
