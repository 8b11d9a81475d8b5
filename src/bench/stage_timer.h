#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bench/clock.h"

namespace anemone::bench {

/// What a request spends its time on; docs/bench-format.md says where the borders lie.
enum class Stage : uint8_t { tokenize, embed, prefill, step, head, sample, other };
inline constexpr size_t kStages = 7;

/// Gives every moment between `begin` and `end` to one stage.
class StageTimer {
 public:
  explicit StageTimer(Clock& clock) : clock_(clock) {}

  void begin() {
    current_ = Stage::other;
    since_ = clock_.now_ns();
  }
  void enter(Stage stage) {
    const int64_t now = clock_.now_ns();
    ns_[static_cast<size_t>(current_)] += now - since_;
    since_ = now;
    current_ = stage;
  }
  void end() { enter(Stage::other); }

  /// Layers between the embedding and the head belong to this stage from now on.
  void set_layers(Stage stage) { layers_ = stage; }
  Stage layers() const { return layers_; }

  void clear() { ns_ = {}; }
  /// Of all requests since `clear`.
  int64_t ns(Stage stage) const { return ns_[static_cast<size_t>(stage)]; }

 private:
  Clock& clock_;
  Stage current_ = Stage::other;
  Stage layers_ = Stage::prefill;
  int64_t since_ = 0;
  std::array<int64_t, kStages> ns_{};
};

}  // namespace anemone::bench
