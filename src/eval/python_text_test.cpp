#include "eval/python_text.h"

#include <gtest/gtest.h>

namespace anemone::eval::python {
namespace {

TEST(PythonText, StripsUnicodeWhiteSpace) {
  EXPECT_EQ(rstrip("a \u00a0\u2003\n\x1c"), "a");
  EXPECT_EQ(lstrip("\u3000\t b "), "b ");
  EXPECT_EQ(strip(" \u200b "), "\u200b");
  EXPECT_EQ(strip("   "), "");
  EXPECT_TRUE(ends_with_space("a\u0085"));
  EXPECT_FALSE(ends_with_space("a"));
}

TEST(PythonText, CountsCodePoints) {
  EXPECT_EQ(length("aé😀"), 3u);
  EXPECT_EQ(length("\xff\xfe"), 2u);
}

TEST(PythonText, LowersWithContext) {
  EXPECT_EQ(lower("ΑΣ ΑΣΑ Σ İI"), "ας ασα σ i̇i");
  EXPECT_EQ(lower("ΑΣ."), "ας.");
}

TEST(PythonText, CapitalizesTheFirstAndLowersTheRest) {
  EXPECT_EQ(capitalize("the Lady'S"), "The lady's");
  EXPECT_EQ(capitalize("ßA"), "Ssa");
  EXPECT_EQ(capitalize("éÉ"), "Éé");
  EXPECT_EQ(capitalize(""), "");
}

TEST(PythonText, CountsWordsAsReSplitDoes) {
  EXPECT_EQ(count_split_words(""), 1u);
  EXPECT_EQ(count_split_words("a b"), 2u);
  EXPECT_EQ(count_split_words(" a \n b "), 4u);
  EXPECT_EQ(count_split_words("a\u00a0b\u200bc"), 2u);
}

TEST(PythonText, ParsesIntegers) {
  EXPECT_EQ(parse_int(" -1_000\n"), -1000);
  EXPECT_EQ(parse_int("+3"), 3);
  EXPECT_EQ(parse_int("007"), 7);
  EXPECT_EQ(parse_int("1__0"), std::nullopt);
  EXPECT_EQ(parse_int("_1"), std::nullopt);
  EXPECT_EQ(parse_int("1_"), std::nullopt);
  EXPECT_EQ(parse_int("1.0"), std::nullopt);
  EXPECT_EQ(parse_int(""), std::nullopt);
  EXPECT_EQ(parse_int("99999999999999999999"), std::nullopt);
}

}  // namespace
}  // namespace anemone::eval::python
