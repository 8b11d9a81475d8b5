#include "bench/reference_work.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <thread>
#include <vector>

namespace anemone::bench {
namespace {

constexpr int64_t kNs = 50'000'000;
/// A round takes some 50 us at 3 GHz, which is between an op of a small model and one of a large.
constexpr int kProductsOfALane = 16384;
constexpr int kLanes = 8;  ///< products that do not wait for each other.

uint64_t round_of_work(uint64_t seed) {
  uint64_t lanes[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = seed + static_cast<uint64_t>(lane);
  for (int i = 0; i < kProductsOfALane; ++i)
    for (uint64_t& lane : lanes) lane = lane * 0x9e3779b97f4a7c15U + 1;
  uint64_t sum = 0;
  for (const uint64_t lane : lanes) sum ^= lane;
  return sum;
}

}  // namespace

double reference_work_ns(Clock& clock, int threads) {
  const int count = std::max(threads, 1);
  int64_t start = 0;
  int64_t end = 0;
  int64_t rounds = -1;  // the first one waits for the threads to begin
  bool done = false;
  std::atomic<uint64_t> sum = 0;  // so that the work is not left out
  const auto next = [&]() noexcept {
    end = clock.now_ns();
    if (rounds++ < 0) start = end;
    done = end - start >= kNs;
  };
  std::barrier barrier(count, next);
  const auto work = [&](int thread) {
    auto value = static_cast<uint64_t>(thread);
    while (!done) {
      value = round_of_work(value);
      barrier.arrive_and_wait();
    }
    sum += value;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < count; ++i) others.emplace_back(work, i);
  work(0);
  for (std::thread& one : others) one.join();
  return static_cast<double>(end - start) / static_cast<double>(rounds);
}

}  // namespace anemone::bench
