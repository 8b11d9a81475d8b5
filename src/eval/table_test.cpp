#include "eval/table.h"

#include <gmock/gmock.h>

namespace anemone::eval {
namespace {

/// A table of one task whose scores are `values`.
std::string table_of(const std::vector<double>& values) {
  Value scores = {{"alias", "t"}};
  for (size_t i = 0; i < values.size(); ++i) scores["m" + std::to_string(i) + ",none"] = values[i];
  return format_table({{"results", {{"t", scores}}},
                       {"versions", {{"t", 1}}},
                       {"n-shot", {{"t", 0}}},
                       {"higher_is_better", {{"t", Value::object()}}}},
                      "results");
}

// What pytablewriter prints of the same cells.
TEST(Table, LargeNumbersAddNoDigitsToTheOthers) {
  const std::string table = table_of({9.5928, 772.17912, 1.0725419163321899e20});
  for (const char* cell : {"|                    9.5928|", "|                  772.1791|",
                           "|107254191633218994176.0000|"})
    EXPECT_THAT(table, testing::HasSubstr(cell)) << table;
  EXPECT_THAT(table_of({9, 772, 1.0725419163321899e20}),
              testing::HasSubstr("|                  772|"));
}

TEST(Table, DecimalsAreThoseOfTheLongest) {
  EXPECT_THAT(table_of({0.3, 0.25}), testing::HasSubstr("| 0.30|"));
  EXPECT_THAT(table_of({0.0001, 2}), testing::HasSubstr("|2.0000|"));
  EXPECT_THAT(table_of({3, 12}), testing::HasSubstr("|    3|"));
}

}  // namespace
}  // namespace anemone::eval
