#include "eval/python_case.h"

#include <gtest/gtest.h>

namespace anemone::eval::python {
namespace {

TEST(PythonCase, OfAllLettersAndSomeSigns) {
  EXPECT_TRUE(is_upper("AB 1Ⅷ"));
  EXPECT_FALSE(is_upper("ABª"));
  EXPECT_FALSE(is_upper("12"));
  EXPECT_FALSE(is_upper("ǅ"));
  EXPECT_TRUE(is_lower("straße."));
  EXPECT_FALSE(is_lower("aB"));
}

}  // namespace
}  // namespace anemone::eval::python
