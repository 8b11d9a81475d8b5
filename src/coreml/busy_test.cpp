#include "coreml/busy.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace anemone::coreml {
namespace {

using std::chrono::milliseconds;

const Error kBusy = fail(ErrorCode::io, "Core ML: predicting: The Neural Engine is Busy (x 0)");

TEST(Busy, IsToldFromOtherFailures) {
  EXPECT_TRUE(is_busy(kBusy));
  EXPECT_TRUE(is_busy(fail(ErrorCode::io, "Resource temporarily unavailable")));
  EXPECT_FALSE(is_busy(fail(ErrorCode::io, "Unable to compute the prediction")));
  EXPECT_FALSE(is_busy(fail(ErrorCode::unsupported, "error code: -14")));
  EXPECT_FALSE(is_busy(fail(ErrorCode::unsupported, "cannot read /models/busybee.mlmodelc")));
}

TEST(Busy, S1_22_ACallIsRepeatedAfterGrowingPauses) {
  int left = 3;
  std::vector<milliseconds> pauses;
  uint64_t repeats = 0;
  const Status status = call_patiently(
      {.attempts = 4, .first_pause = milliseconds(10), .factor = 3},
      [&]() -> Status { return left-- > 0 ? Status(kBusy) : Status(); },
      [&](milliseconds pause) { pauses.push_back(pause); }, repeats);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(repeats, 3U);
  EXPECT_EQ(pauses, (std::vector{milliseconds(10), milliseconds(30), milliseconds(90)}));
}

TEST(Busy, PatienceEndsAndTheErrorSaysHowOftenItWasTried) {
  int calls = 0;
  uint64_t repeats = 0;
  const Status status = call_patiently(
      {.attempts = 3},
      [&]() -> Status {
        ++calls;
        return kBusy;
      },
      [](milliseconds) {}, repeats);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(repeats, 2U);
  EXPECT_EQ(status.error().message, kBusy.message);
  EXPECT_EQ(status.error().context, std::vector<std::string>{"tried 3 times"});
}

TEST(Busy, OtherFailuresAreNotRepeated) {
  int calls = 0;
  uint64_t repeats = 0;
  const Status status = call_patiently(
      {},
      [&]() -> Status {
        ++calls;
        return fail(ErrorCode::io, "Unable to compute the prediction");
      },
      [](milliseconds) { ADD_FAILURE() << "there is nothing to wait for"; }, repeats);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(repeats, 0U);
}

}  // namespace
}  // namespace anemone::coreml
