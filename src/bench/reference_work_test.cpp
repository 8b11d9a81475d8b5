#include "bench/reference_work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

namespace anemone::bench {
namespace {

/// Runs `factor` times as fast as the steady clock, and knows the threads that read it.
class FastClock : public Clock {
 public:
  explicit FastClock(int64_t factor) : factor_(factor) {}
  int64_t now_ns() override {
    const std::lock_guard lock(mutex_);
    readers.insert(std::this_thread::get_id());
    return factor_ * steady_.now_ns();
  }
  std::set<std::thread::id> readers;

 private:
  std::mutex mutex_;
  int64_t factor_;
  SteadyClock steady_;
};

TEST(ReferenceWork, EveryThreadTakesPart) {
  for (const int threads : {0, 1, 2, 5}) {
    FastClock clock(1);
    EXPECT_GT(*reference_work_ns(clock, threads), 0);
    EXPECT_EQ(clock.readers.size(), static_cast<size_t>(std::max(threads, 1)));
  }
}

TEST(ReferenceWork, AMachineOfATenthOfTheSpeedTakesTenTimesAsLong) {
  FastClock own(1);
  FastClock slow(10);
  const double ratio = *reference_work_ns(slow, 1) / *reference_work_ns(own, 1);
  EXPECT_GT(ratio, 3);
  EXPECT_LT(ratio, 30);
}

TEST(ReferenceWork, ASystemWithoutMoreThreadsIsAnErrorAndNotTheEnd) {
  FastClock clock(1);
  int started = 0;
  const auto most_two = [&](std::function<void()> work) {
    if (++started > 2)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    return start_thread(std::move(work));
  };
  const auto time = reference_work_ns(clock, 5, most_two);
  ASSERT_FALSE(time.ok());
  EXPECT_EQ(time.error().code, ErrorCode::limit);
  EXPECT_NE(time.error().message.find("3 of 5 threads"), std::string::npos) << time.error().message;
  EXPECT_TRUE(clock.readers.empty()) << "those that were started do no work";
}

}  // namespace
}  // namespace anemone::bench
