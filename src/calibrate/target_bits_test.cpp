// Compression to a number of bits a weight.

#include "calibrate/calibrate_test.h"

namespace anemone::calibrate {
namespace {

TEST_F(Calibrated, TargetBitsAreKeptAndGivenWhereTheyCount) {
  Options options = tuning(2);
  options.target_bits = 3.5;
  const auto report = compress("out", "", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  int64_t elements = 0;
  uint64_t bytes = 0;
  std::map<std::string, int> schemes;
  for (const CompressedWeight& weight : report->weights) {
    elements += weight.elements;
    bytes += weight.bytes;
    ++schemes[weight.scheme];
  }
  const double bits = 8 * static_cast<double>(bytes) / static_cast<double>(elements);
  EXPECT_LE(bits, 3.5);
  EXPECT_GT(bits, 3.2);
  EXPECT_GT(schemes.size(), 1u);
  EXPECT_EQ(report->quantize, "3.5 bits");
  Options too_few = tuning(2);
  too_few.target_bits = 1;
  const auto refused = compress("no", "", too_few);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message.find("the least that there is"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "no.partial"));
}

TEST_F(Calibrated, APlanForTargetBitsSaysThatItsSizesAreThoseBefore) {
  Options options = tuning(1);
  options.target_bits = 3;
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += line; };
  const auto report =
      calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / "none/out",
                         {.context = 128, .dry_run = true}, options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_NE(lines.find("those without compression, which the result stays below"),
            std::string::npos);
}

}  // namespace
}  // namespace anemone::calibrate
EXPECT_FALSE(fs::exists(folder_ / "none")) << "it need not be there, and is not made";
