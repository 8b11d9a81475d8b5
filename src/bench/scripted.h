#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anemone/language_model.h"
#include "bench/measure.h"

/// A clock, a model and meters for tests: time passes as the test says, and only then.
namespace anemone::bench {

class ScriptedClock : public Clock {
 public:
  int64_t now_ns() override { return now_; }
  void pass(int64_t ns) { now_ += ns; }

 private:
  int64_t now_ = 1000;
};

/// Takes time for each call; its tokens follow from the number of tokens before them.
class ScriptedModel : public lm::LanguageModel {
 public:
  /// Nanoseconds of carrying `tokens` new ones after `before`.
  using Cost = std::function<int64_t(int64_t before, int64_t tokens)>;

  ScriptedModel(ScriptedClock& clock, Cost cost) : clock_(clock), cost_(std::move(cost)) {
    info_.name = "scripted";
    info_.form = "scripted";
    info_.vocab_size = 100;
    info_.context_length = 512;
    info_.weight_bytes = 1000;
  }

  const lm::ModelInfo& info() const override { return info_; }
  lm::ModelInfo& mutable_info() { return info_; }
  std::unique_ptr<lm::Sequence> new_sequence() override { return std::make_unique<Tokens>(); }

  Status extend(lm::Sequence& sequence, std::span<const int32_t> tokens, lm::Rows rows,
                std::span<float> logits) override {
    auto& list = static_cast<Tokens&>(sequence).list;
    clock_.pass(cost_(static_cast<int64_t>(list.size()), static_cast<int64_t>(tokens.size())));
    list.insert(list.end(), tokens.begin(), tokens.end());
    if (rows == lm::Rows::none) return {};
    std::ranges::fill(logits, 0.0f);
    logits[list.size() % logits.size()] = 1;
    return {};
  }
  Result<int32_t> extend_greedy(lm::Sequence& sequence, std::span<const int32_t> tokens) override {
    std::vector<float> logits(100);
    ANEMONE_RETURN_IF_ERROR(extend(sequence, tokens, lm::Rows::last, logits));
    return lm::best_token(logits);
  }
  lm::WorkCounters counters() const override { return {}; }

 private:
  struct Tokens : lm::Sequence {
    std::vector<int32_t> list;
    std::span<const int32_t> tokens() const override { return list; }
    std::unique_ptr<lm::Sequence> fork() const override { return std::make_unique<Tokens>(*this); }
    void truncate(int64_t length) override { list.resize(static_cast<size_t>(length)); }
    uint64_t size_bytes() const override { return list.size() * 10; }
  };

  ScriptedClock& clock_;
  Cost cost_;
  lm::ModelInfo info_;
};

/// Residents and peaks in the order in which they are asked for; the last one stays.
class ScriptedMemory : public MemoryReader {
 public:
  std::vector<uint64_t> resident = {0};
  uint64_t peak = 0;
  bool resets = true;

  std::optional<uint64_t> resident_bytes() override {
    const size_t at = std::min(next_++, resident.size() - 1);
    return resident[at];
  }
  std::optional<uint64_t> peak_bytes() override { return peak; }
  bool reset_peak() override { return resets; }
  const char* source() const override { return "script"; }

 private:
  size_t next_ = 0;
};

/// Watts over the scripted time.
class ScriptedEnergy : public EnergyMeter {
 public:
  ScriptedEnergy(ScriptedClock& clock, double watts) : clock_(clock), watts_(watts) {}
  void begin() override { start_ = clock_.now_ns(); }
  void tick() override {}
  Energy end() override {
    Energy energy;
    energy.joules = watts_ * static_cast<double>(clock_.now_ns() - start_) * 1e-9;
    energy.source = "script";
    return energy;
  }

 private:
  ScriptedClock& clock_;
  double watts_;
  int64_t start_ = 0;
};

}  // namespace anemone::bench
