#include "base/read_number.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

namespace anemone {
namespace {

TEST(ReadNumber, IsTheNearestDouble) {
  EXPECT_EQ(read_number("0.1"), 0.1);
  EXPECT_EQ(read_number("-2.5e-3"), -2.5e-3);
  EXPECT_EQ(read_number("7"), 7.0);
  EXPECT_EQ(read_number(".5"), 0.5);
  EXPECT_EQ(read_number("5."), 5.0);
  EXPECT_EQ(read_number("1.7976931348623157e308"), 1.7976931348623157e308);
  EXPECT_EQ(read_number("4.9e-324"), 4.9e-324);
  EXPECT_EQ(read_number("9007199254740993"), 9007199254740992.0);  // a tie goes to even.
}

TEST(ReadNumber, PastTheLargestIsInfiniteAndBelowTheSmallestIsZero) {
  EXPECT_EQ(read_number("1e400"), HUGE_VAL);
  EXPECT_EQ(read_number("-1e400"), -HUGE_VAL);
  EXPECT_EQ(read_number("1e-400"), 0.0);
  EXPECT_EQ(read_number("inf"), HUGE_VAL);
  ASSERT_TRUE(read_number("nan"));
  EXPECT_TRUE(std::isnan(*read_number("nan")));
}

TEST(ReadNumber, IsTheWholeText) {
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "1,5", "0x10", "1e", "--1", ".", "e5", "-"})
    EXPECT_FALSE(read_number(text)) << text;
}

TEST(ReadNumber, AsksNoLocale) {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") == nullptr)
    GTEST_SKIP() << "no locale here writes a comma";
  EXPECT_EQ(read_number("1.5"), 1.5);
  EXPECT_EQ(read_hex_number("1.8p0"), 1.5);
  std::setlocale(LC_NUMERIC, before.c_str());
}

TEST(ReadHexNumber, RoundsOnce) {
  EXPECT_EQ(read_hex_number("1.8p-3"), 0x1.8p-3);
  EXPECT_EQ(read_hex_number("FFp+1"), 510.0);
  EXPECT_EQ(read_hex_number(".8"), 0.5);
  EXPECT_EQ(read_hex_number("1.fffffffffffff7p0"), 0x1.fffffffffffffp0);
  EXPECT_EQ(read_hex_number("1.00000000000008p0"), 1.0);  // a tie.
  EXPECT_EQ(read_hex_number("1.00000000000008000000000001p0"), 0x1.0000000000001p0);
  EXPECT_EQ(read_hex_number("1.8p-1075"), 0x1p-1074);  // subnormal, and above a tie.
  EXPECT_EQ(read_hex_number("1p-1075"), 0.0);          // a tie.
  EXPECT_EQ(read_hex_number("1p-4000"), 0.0);
  EXPECT_EQ(read_hex_number("1.fffffffffffff8p1023"), HUGE_VAL);
  EXPECT_EQ(read_hex_number("1p99999999999999999999"), HUGE_VAL);
  EXPECT_EQ(read_hex_number("0p99999999999999999999"), 0.0);
  for (const char* text : {"", ".", "p3", "1p", "1p+", "-1", "0x1", "1.2.3", "1g", "1p3x", "inf"})
    EXPECT_FALSE(read_hex_number(text)) << text;
}

TEST(ReadHexNumber, AgreesWithTheCLibrary) {
  std::mt19937_64 random(5);
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const auto length = 1 + random() % 20;
    const auto point = random() % (length + 1);
    for (size_t at = 0; at < length; ++at) {
      if (at == point) text += '.';
      text += kDigits[random() % 16];
    }
    const auto spread = random() % 2 == 0 ? uint64_t{1200} : uint64_t{40};
    text += 'p' + std::to_string(static_cast<int64_t>(random() % (2 * spread)) -
                                 static_cast<int64_t>(spread));
    const double expected = std::strtod(("0x" + text).c_str(), nullptr);
    const auto found = read_hex_number(text);
    ASSERT_TRUE(found) << text;
    ASSERT_EQ(*found, expected) << text;
  }
}

}  // namespace
}  // namespace anemone
