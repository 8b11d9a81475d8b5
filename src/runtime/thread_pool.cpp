#include "runtime/thread_pool.h"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace anemone::runtime {
namespace {

// Longer than the serial stretches of a step of a small model (some 300 us), shorter than what a
// busy core would be missed for. Waking a sleeper costs up to 100 us on a virtual machine: as long
// as such a model's whole head.
constexpr std::chrono::microseconds kSpinTime{500};
// At the clock. A pause takes 10 to 50 ns on x86-64 and one or two on aarch64, which then looks
// more often than it has to and spins no longer.
constexpr int kPausesPerLook = 32;

constexpr uint64_t kPieceMask = 0xffffffffu;
constexpr int kPiecesPerThread = 4;  // evens out pieces of unequal cost

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  const auto workers = static_cast<size_t>(std::max(threads, 1) - 1);
  workers_.reserve(workers);
  for (size_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::take_piece() {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    const Function function = function_.load(std::memory_order_acquire);
    const void* object = object_.load(std::memory_order_acquire);
    const int64_t count = count_.load(std::memory_order_acquire);
    const int64_t pieces = pieces_.load(std::memory_order_acquire);
    const auto piece = static_cast<int64_t>(ticket & kPieceMask);
    if (piece >= pieces) return false;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
    function(object, count * piece / pieces, count * (piece + 1) / pieces);
    pieces_done_.fetch_add(1, std::memory_order_release);
    return true;
  }
}

void ThreadPool::run(int64_t count, int64_t grain, Function function, const void* object) {
  // Asking first leaves the flag in everybody's cache while the pool is busy.
  if (busy_.load(std::memory_order_relaxed) || busy_.exchange(true, std::memory_order_acquire)) {
    function(object, 0, count);
    return;
  }
  const int64_t pieces =
      std::min<int64_t>(count / std::max<int64_t>(grain, 1), int64_t{kPiecesPerThread} * threads());
  // A thread that still holds the last loop's ticket may see the fields of this one: then it also
  // sees the closed ticket, and its exchange fails.
  const uint64_t closed = ticket_.load(std::memory_order_relaxed) | kPieceMask;
  ticket_.store(closed);
  function_.store(function, std::memory_order_release);
  object_.store(object, std::memory_order_release);
  count_.store(count, std::memory_order_release);
  pieces_.store(pieces, std::memory_order_release);
  pieces_done_.store(0, std::memory_order_relaxed);
  ticket_.store(closed + 1);
  if (sleepers_.load() > 0) {
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }
  while (take_piece()) {
  }
  while (pieces_done_.load(std::memory_order_acquire) != pieces) pause_briefly();
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::work() {
  uint64_t seen = 0;
  for (;;) {
    std::chrono::steady_clock::time_point spins_until;
    int pauses = 0;
    while ((ticket_.load() & ~kPieceMask) == seen && !stopping_.load(std::memory_order_relaxed)) {
      if (pauses++ % kPausesPerLook != 0) {
        pause_briefly();
        continue;
      }
      const auto now = std::chrono::steady_clock::now();
      if (pauses == 1) spins_until = now + kSpinTime;
      if (now < spins_until) continue;
      std::unique_lock lock(mutex_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, [&] { return (ticket_.load() & ~kPieceMask) != seen || stopping_.load(); });
      sleepers_.fetch_sub(1);
    }
    if (stopping_.load()) return;
    seen = ticket_.load() & ~kPieceMask;
    while (take_piece()) {
    }
  }
}

}  // namespace anemone::runtime
