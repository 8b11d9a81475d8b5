#include "calibrate/option_losses.h"

#include <gtest/gtest.h>

namespace anemone::calibrate {
namespace {

compress::Encoded encoded(double squared_error, double output_error) {
  return {
      .parts = {}, .squared_error = squared_error, .squared_sum = 2, .output_error = output_error};
}

TEST(OptionLosses, FewTokensSayLittleOfTheErrorOnOtherText) {
  EXPECT_DOUBLE_EQ(expected_error(encoded(0.5, 0), 100, 300), 0.0625);
  EXPECT_DOUBLE_EQ(expected_error(encoded(0.5, 0.05), 100, 300), 0.1);
  EXPECT_NEAR(expected_error(encoded(0.5, 0.05), 100, 1000000), 0.05, 1e-4);
}

TEST(OptionLosses, OnlyWhatChangesNothingCostsNothing) {
  EXPECT_GT(expected_error(encoded(1e-6, 0), 64, 1 << 20), 0);
  EXPECT_EQ(expected_error(encoded(0, 0), 64, 1 << 20), 0);
  const compress::Encoded zeros{
      .parts = {}, .squared_error = 0, .squared_sum = 0, .output_error = 0};
  EXPECT_EQ(expected_error(zeros, 64, 1 << 20), 0);
}

TEST(OptionLosses, MoreBytesNeverLoseMore) {
  std::vector<Option> options = {{40, 2}, {10, 3}, {20, 1}, {30, 1.5}, {50, 0.5}};
  make_monotone(options);
  const double expected[] = {2, 3, 2, 2, 0.5};
  for (size_t i = 0; i < options.size(); ++i) EXPECT_EQ(options[i].loss, expected[i]) << i;
}

}  // namespace
}  // namespace anemone::calibrate
