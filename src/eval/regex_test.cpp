#include "eval/regex.h"

#include <gtest/gtest.h>

namespace anemone::eval {
namespace {

std::string sub(std::string_view pattern, std::string_view replacement, std::string_view text) {
  auto regex = Regex::compile(pattern);
  if (!regex.ok()) return "error: " + regex.error().message;
  return *regex->replace_all(text, replacement);
}

// Expected values were printed by Python 3.11's re.sub.

TEST(Regex, ReplacesWithGroups) {
  EXPECT_EQ(sub(R"(\(\s*([^\)]*?)\s*\))", R"((\1))", "( a b ) (c\n)"), "(a b) (c)");
  EXPECT_EQ(sub(R"((a)|(b))", R"([\1\2\\])", "ab"), R"([a\][b\])");
}

TEST(Regex, ReplacesEmptyMatchesAsPythonDoes) {
  EXPECT_EQ(sub("x*", "-", "abxd"), "-a-b--d-");
  EXPECT_EQ(sub("", "-", "éa"), "-é-a-");
}

TEST(Regex, UsesPythonsClasses) {
  EXPECT_EQ(sub(R"(\s)", "_", "a\x1c\u00a0\u2003\u200b"), "a___\u200b");
  EXPECT_EQ(sub(R"([\s,])", "_", "a\x1d,b"), "a__b");
  EXPECT_EQ(sub(R"(\S)", "x", "a\x1e "), "x\x1e ");
  EXPECT_EQ(sub(R"(\d+)", "#", "٣4"), "#");
  EXPECT_EQ(sub(R"(a\Z)", "x", "a\n"), "a\n");
  EXPECT_EQ(sub(R"(a$)", "x", "a\n"), "x\n");
  EXPECT_EQ(sub(R"([]a]+)", "x", "a]b"), "xb");
  EXPECT_EQ(sub(R"(.)", "x", "é\r\n"), "xx\n");
  EXPECT_EQ(sub(R"((?<=^\d)\d+)", "", "123"), "1");
}

TEST(Regex, NamesTheFault) {
  EXPECT_EQ(sub("(", "", ""),
            "error: regular expression '(': missing closing parenthesis at offset 1");
}

TEST(Regex, GivesUpOnRunawayPatterns) {
  const auto regex = Regex::compile("^(a+)+$");
  ASSERT_TRUE(regex.ok());
  const auto result = regex->replace_all(std::string(40, 'a') + "b", "");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::limit);
  const auto found = regex->matches_in(std::string(40, 'a') + "b");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::limit);
}

TEST(Regex, FindsAndSplitsAsPythonDoes) {
  using Groups = std::vector<std::vector<std::string>>;
  EXPECT_EQ(*Regex::constant("a(b)?(c)?").find_all("ab ac"), (Groups{{"b", ""}, {"", "c"}}));
  EXPECT_EQ(*Regex::constant("x*").find_all("axb"), (Groups{{""}, {"x"}, {""}, {""}}));
  EXPECT_EQ(*Regex::constant(",+").split(",a,,b"), (std::vector<std::string>{"", "a", "b"}));
  EXPECT_TRUE(Regex::constant(Regex::escape("a.b* c")).matches_all("a.b* c"));
  EXPECT_FALSE(*Regex::constant(Regex::escape("a.b")).matches_in("axb"));
}

}  // namespace
}  // namespace anemone::eval
