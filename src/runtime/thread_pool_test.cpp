#include "runtime/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace anemone::runtime {
namespace {

TEST(ThreadPool, CoversEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (const int64_t count : {0, 1, 7, 64, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      for (int repeat = 0; repeat < 50; ++repeat)
        pool.parallel_for(count, 3, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
      for (const auto& times : seen) ASSERT_EQ(times.load(), 50);
    }
  }
}

TEST(ThreadPool, SeveralCallersDoNotDisturbEachOther) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> total{0};
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 200; ++repeat)
        pool.parallel_for(100, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total.load(), 4 * 200 * 100);
}

TEST(ThreadPool, AWorkerTakesItsPartAtOnceAndAfterSleep) {
  ThreadPool pool(2);
  for (const int idle_ms : {0, 0, 20, 20}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(idle_ms));
    std::atomic<int> inside{0};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::atomic<bool> met{true};
    pool.parallel_for(2, 1, [&](int64_t, int64_t) {
      ++inside;
      while (inside < 2 && met) met = std::chrono::steady_clock::now() < deadline;
    });
    EXPECT_EQ(inside.load(), 2);
    EXPECT_TRUE(met.load()) << "the second piece waited for the first, idle " << idle_ms << " ms";
  }
}

TEST(ThreadPool, SmallWorkIsNotSplit) {
  ThreadPool pool(4);
  int64_t calls = 0;
  pool.parallel_for(10, 6, [&](int64_t begin, int64_t end) {
    ++calls;
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 10);
  });
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace anemone::runtime
