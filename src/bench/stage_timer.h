#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bench/clock.h"

namespace anemone::bench {

/// What a request spends its time on; docs/bench-format.md says where the borders lie.
enum class Stage : uint8_t { tokenize, embed, prefill, step, head, sample, other };
inline constexpr size_t kStages = 7;

/// Gives every moment between `begin` and `end` to one stage: the stages add up to what lies
/// between.
class StageTimer {
 public:
  explicit StageTimer(Clock& clock) : clock_(clock) {}

  void begin(int64_t at_ns) {
    current_ = Stage::other;
    since_ = at_ns;
  }
  void enter(Stage stage) { enter(stage, clock_.now_ns()); }
  void end(int64_t at_ns) { enter(Stage::other, at_ns); }

  /// Layers between the embedding and the head belong to this stage from now on.
  void set_layers(Stage stage) { layers_ = stage; }
  Stage layers() const { return layers_; }

  void clear() { ns_ = {}; }
  /// Of all requests since `clear`.
  int64_t ns(Stage stage) const { return ns_[static_cast<size_t>(stage)]; }

 private:
  void enter(Stage stage, int64_t at_ns) {
    ns_[static_cast<size_t>(current_)] += at_ns - since_;
    since_ = at_ns;
    current_ = stage;
  }

  Clock& clock_;
  Stage current_ = Stage::other;
  Stage layers_ = Stage::prefill;
  int64_t since_ = 0;
  std::array<int64_t, kStages> ns_{};
};

}  // namespace anemone::bench
