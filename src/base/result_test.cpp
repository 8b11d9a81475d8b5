#include "anemone/result.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace anemone {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::invalid_argument, "{} is odd", value);
  return value / 2;
}

Result<int> quarter(int value) {
  ANEMONE_TRY(const int first, half(value));
  ANEMONE_TRY(const int second, half(first).in("second half"));
  return second;
}

Status all_even(std::initializer_list<int> values) {
  for (const int value : values)
    ANEMONE_RETURN_IF_ERROR(half(value).ok() ? Status() : Status(half(value).error()));
  return {};
}

TEST(Result, PassesValuesAndErrorsThrough) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(3).error().to_string(), "3 is odd");
  EXPECT_EQ(quarter(6).error().to_string(), "second half: 3 is odd");
  EXPECT_EQ(quarter(6).error().code, ErrorCode::invalid_argument);
}

TEST(Result, StatusStopsAtTheFirstError) {
  EXPECT_TRUE(all_even({2, 4}).ok());
  EXPECT_EQ(all_even({2, 5, 7}).error().message, "5 is odd");
}

TEST(Result, ErrorTextGoesFromTheOutsideIn) {
  Error error = with_hint(fail(ErrorCode::corrupt, "bad magic"), "download it again");
  error.context = {"blob 3", "weight.bin"};
  EXPECT_EQ(error.to_string(), "weight.bin: blob 3: bad magic (download it again)");
}

}  // namespace
}  // namespace anemone
