#pragma once

#include <condition_variable>
#include <mutex>

namespace anemone::coreml {

/// Waits for a completion handler, on whichever thread it is called.
class Completion {
 public:
  void finish() {
    // Under the lock: the waiting thread may end this object's life as soon as it goes on.
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    while (!is_done_) changed_.wait(lock);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
};

}  // namespace anemone::coreml
