#include "eval/numpy.h"

#include <gtest/gtest.h>

#include <vector>

namespace anemone::eval::numpy {
namespace {

using Values = std::vector<double>;

TEST(Numpy, PrintsAnArrayAsStrDoes) {
  EXPECT_EQ(array_str(Values{0.25, 0.5, 0.125, 0.125}), "[0.25  0.5   0.125 0.125]");
  EXPECT_EQ(array_str(Values{1.0, 0.0}), "[1. 0.]");
  EXPECT_EQ(array_str(Values{10.5, 0.1234567891}), "[10.5         0.12345679]");
  EXPECT_EQ(array_str(Values{}), "[]");
}

TEST(Numpy, PrintsExponentsWhenTheRangeIsLarge) {
  EXPECT_EQ(array_str(Values{0.999, 0.0009}), "[9.99e-01 9.00e-04]");
  EXPECT_EQ(array_str(Values{0.5, 0.0005}), "[0.5    0.0005]");
  EXPECT_EQ(array_str(Values{1e-120, 1.0}), "[1.e-120 1.e+000]");
}

TEST(Numpy, WrapsLinesAt75) {
  const Values values(8, 0.12345678);
  EXPECT_EQ(array_str(values),
            "[0.12345678 0.12345678 0.12345678 0.12345678 0.12345678 0.12345678\n"
            " 0.12345678 0.12345678]");
}

TEST(Numpy, SumsWithEightRunningSums) {
  // Left to right each small value is lost; in its own running sum it is not.
  Values values(16, 1.0);
  values[0] = 1e16;
  EXPECT_EQ(sum(values), 1e16 + 14);
  EXPECT_EQ(sum(std::span(values).first(7)), 1e16);
  Values many(1000, 0.1);
  EXPECT_NEAR(sum(many), 100.0, 1e-13);
}

}  // namespace
}  // namespace anemone::eval::numpy
