#pragma once

#include <chrono>
#include <cstdint>

namespace anemone::bench {

/// Where all times come from, so that tests can script them. Of one thread alone, but what
/// `reference_work_ns` is given, which several read at once, as they may a SteadyClock.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since some moment; never less than before.
  virtual int64_t now_ns() = 0;
};

class SteadyClock : public Clock {
 public:
  int64_t now_ns() override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace anemone::bench
