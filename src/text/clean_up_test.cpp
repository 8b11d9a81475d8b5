#include "text/clean_up.h"

#include <gtest/gtest.h>

#include <random>

namespace anemone::text {
namespace {

TEST(CleanUp, TakesOutBlanksAsTransformersDoes) {
  EXPECT_EQ(clean_up("a . b ? c ! d , e"), "a. b? c! d, e");
  EXPECT_EQ(clean_up("I 'm you 've we 're it 's do n't"), "I'm you've we're it's don't");
  EXPECT_EQ(clean_up("x ' y"), "x'y");
  EXPECT_EQ(clean_up("do n ' t"), "don't");
  EXPECT_EQ(clean_up("a  . b"), "a . b");
  EXPECT_EQ(clean_up(""), "");
}

TEST(CleanUp, CutsTextOnlyWhereNothingReachesOver) {
  std::mt19937 random(7);
  const std::string alphabet = " .,'nmstvea?!";
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (size_t i = 0; i < 14; ++i) text += alphabet[random() % alphabet.size()];
    std::string pieces;
    std::string held;
    for (const char c : text) {
      held += c;
      const size_t certain = clean_up_boundary(held);
      pieces += clean_up(held.substr(0, certain));
      held.erase(0, certain);
    }
    ASSERT_EQ(pieces + clean_up(held), clean_up(text)) << text;
  }
}

}  // namespace
}  // namespace anemone::text
