#include "bench/reference_work.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"

namespace anemone::bench {
namespace {

/// A new thread may share a processor with another one until the system has moved it.
constexpr int64_t kWarmupNs = 5'000'000;
/// Longer than the turn that a system's scheduler gives to another program (3 to 4 ms on Linux).
constexpr int64_t kSliceNs = 10'000'000;
constexpr size_t kSlices = 5;
/// A round takes some 5 us at 3 GHz, far less than a slice and far more than a look at the clock.
constexpr int kProductsOfALane = 2048;
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

/// Works for at least so long and gives the mean time of a round.
double slice_ns(Clock& clock, int64_t least_ns, uint64_t& value) {
  const int64_t start = clock.now_ns();
  int64_t rounds = 0;
  int64_t passed = 0;
  while (passed < least_ns) {
    value = round_of_work(value);
    ++rounds;
    passed = clock.now_ns() - start;
  }
  return static_cast<double>(passed) / static_cast<double>(rounds);
}

double median_slice_ns(Clock& clock, uint64_t& value) {
  slice_ns(clock, kWarmupNs, value);
  std::array<double, kSlices> slices;
  for (double& one : slices) one = slice_ns(clock, kSliceNs, value);
  std::ranges::nth_element(slices, slices.begin() + kSlices / 2);
  return slices[kSlices / 2];
}

}  // namespace

std::thread start_thread(std::function<void()> work) { return std::thread(std::move(work)); }

Result<double> reference_work_ns(Clock& clock, int threads, const StartThread& start) {
  const auto count = static_cast<size_t>(std::max(threads, 1));
  std::vector<double> medians(count);
  std::atomic<size_t> ready = 0;
  std::atomic<uint64_t> sum = 0;  // so that the work is not left out
  std::atomic<bool> is_off = false;
  const auto work = [&](size_t thread) {
    ++ready;
    while (ready < count && !is_off) std::this_thread::yield();
    if (is_off) return;
    auto value = static_cast<uint64_t>(thread);
    medians[thread] = median_slice_ns(clock, value);
    sum += value;
  };
  std::vector<std::thread> others;
  others.reserve(count - 1);
  std::string refusal;
  try {
    for (size_t i = 1; i < count; ++i) others.push_back(start([&work, i] { work(i); }));
  } catch (const std::system_error& error) {  // those that were started wait for it
    refusal = error.what();
    is_off = true;
  }
  work(0);
  for (std::thread& one : others) one.join();
  if (!refusal.empty())
    return fail(ErrorCode::limit, "the reference work got {} of {} threads: {}", others.size() + 1,
                count, refusal);
  double mean = 0;
  for (const double one : medians) mean += one / static_cast<double>(count);
  return mean;
}

}  // namespace anemone::bench
