#pragma once

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "eval/engine.h"

namespace anemone::eval {

/// How far a run is, for whoever listens and may stop it.
class WalkProgress {
 public:
  explicit WalkProgress(const Engine::Told& told) : told_(told) {}

  void expect(uint64_t tokens) { total_ += tokens; }
  void add(uint64_t tokens) { done_ += tokens; }
  /// With `extra` tokens beside those that were added. Errors: interrupted.
  Status tell(uint64_t extra = 0) const {
    if (!told_ || told_(std::min(done_ + extra, total_), total_)) return {};
    return fail(ErrorCode::interrupted, "interrupted after {} of {} tokens", done_, total_);
  }

 private:
  const Engine::Told& told_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
};

}  // namespace anemone::eval
