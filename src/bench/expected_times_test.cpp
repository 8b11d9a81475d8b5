#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <regex>

#include "ane/chip.h"

namespace anemone::bench {
namespace {

struct Row {
  double billions = 0;
  double bytes = 0;  ///< of a weight.
  double stated_high = 0;
  double floor_low = 0;
  double floor_high = 0;
  std::string verdict;
};

std::vector<Row> rows_of(const std::string& size) {
  std::ifstream file(std::string(ANEMONE_SOURCE_DIR) + "/docs/benchmarks.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::regex pattern(
      "\\| " + size + "B (int8|fp16) \\| \\d+ to (\\d+) \\| (\\d+) to (\\d+) \\| ([a-z ]+) \\|");
  std::vector<Row> rows;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern);
       match != std::sregex_iterator(); ++match)
    rows.push_back({std::stod(size), (*match)[1] == "int8" ? 1.0 : 2.0, std::stod((*match)[2]),
                    std::stod((*match)[3]), std::stod((*match)[4]), (*match)[5]});
  return rows;
}

/// The page's floors are those of the bandwidths that the program knows.
void check_rows(const std::string& size) {
  const double slow = ane::find_chip("m3").value()->ane_bandwidth.value;
  const double fast = ane::find_chip("m3max").value()->ane_bandwidth.value;
  EXPECT_FALSE(ane::find_chip("m3pro").value()->ane_bandwidth.known());
  const auto rows = rows_of(size);
  ASSERT_EQ(rows.size(), 2U);
  for (const Row& row : rows) {
    EXPECT_EQ(row.floor_low, std::round(row.billions * row.bytes * 1000 / fast));
    EXPECT_EQ(row.floor_high, std::round(row.billions * row.bytes * 1000 / slow));
    EXPECT_EQ(row.verdict, row.stated_high < row.floor_low ? "below the floor" : "possible");
  }
}

TEST(ExpectedTimes, S3_53_Of7BStandBesideTheFloor) { check_rows("7"); }
TEST(ExpectedTimes, S3_54_Of13BStandBesideTheFloor) { check_rows("13"); }

}  // namespace
}  // namespace anemone::bench
