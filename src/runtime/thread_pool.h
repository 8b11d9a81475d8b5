#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace anemone::runtime {

/// Workers that share loops over independent pieces of work. What a piece computes never depends on
/// who computes it. A caller that finds the pool busy does all of its own work itself, so several
/// callers never wait for each other.
///
/// Between loops a worker spins for half a millisecond, since the next operation usually follows at
/// once, and then sleeps.
class ThreadPool {
 public:
  /// `threads` includes the caller: 1 makes no worker.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end) for ranges that together cover [0, count) once. `body` must not throw.
  /// A loop inside a body is its thread's own. `grain` is the least count worth a thread of its
  /// own.
  template <typename Body>
  void parallel_for(int64_t count, int64_t grain, const Body& body) {
    if (count <= 0) return;
    if (workers_.empty() || count < 2 * grain) {
      body(int64_t{0}, count);
      return;
    }
    run(
        count, grain,
        [](const void* object, int64_t begin, int64_t end) {
          (*static_cast<const Body*>(object))(begin, end);
        },
        &body);
  }

 private:
  using Function = void (*)(const void* object, int64_t begin, int64_t end);

  void run(int64_t count, int64_t grain, Function function, const void* object);
  void work();
  bool take_piece();

  std::vector<std::thread> workers_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;

  // The loop under way. `ticket_` holds the loop's number (high half) and its next piece (low
  // half; all ones while no piece may be taken). The other fields change only while it is closed,
  // so a thread that reads the ticket, then them, and can advance that ticket has read the fields
  // of that very loop.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<Function> function_{nullptr};
  std::atomic<const void*> object_{nullptr};
  std::atomic<int64_t> count_{0};
  std::atomic<int64_t> pieces_{0};
  std::atomic<int64_t> pieces_done_{0};
};

}  // namespace anemone::runtime
