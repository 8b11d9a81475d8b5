#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace anemone::compress {

/// Calls body(i) for each i of [0, count) once, on up to `threads` threads. `body` must not throw.
template <typename Body>
void for_each_index(int64_t count, int threads, const Body& body) {
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> workers;
  for (int64_t i = 1; i < std::min<int64_t>(threads, count); ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
}

/// The same for ranges [begin, end) of about `length`, which together are [0, count).
template <typename Body>
void for_each_range(int64_t count, int64_t length, int threads, const Body& body) {
  for_each_index((count + length - 1) / length, threads,
                 [&](int64_t i) { body(i * length, std::min(count, (i + 1) * length)); });
}

}  // namespace anemone::compress
