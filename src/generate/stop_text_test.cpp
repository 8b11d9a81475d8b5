#include "generate/stop_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace anemone::generate {
namespace {

struct Outcome {
  std::string text;
  bool found = false;
};

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopText stop_text(stops);
  Outcome outcome;
  for (const std::string& piece : pieces) {
    const auto step = stop_text.feed(piece);
    outcome.text += step.ready;
    if (step.found) {
      outcome.found = true;
      return outcome;
    }
  }
  outcome.text += stop_text.finish();
  return outcome;
}

TEST(StopTextTest, FindsATextThatSpansPieces) {
  const Outcome outcome = run({"\n\nQ:"}, {"yes", ".\n", "\n", "Q", ": more"});
  EXPECT_TRUE(outcome.found);
  EXPECT_EQ(outcome.text, "yes.");
}

TEST(StopTextTest, GivesBackWhatOnlyLookedLikeAStop) {
  const Outcome outcome = run({"abcd"}, {"ab", "c", "ab", "x", "ab"});
  EXPECT_FALSE(outcome.found);
  EXPECT_EQ(outcome.text, "abcabxab");
}

TEST(StopTextTest, TheEarliestPlaceWins) {
  const Outcome outcome = run({"end", "d"}, {"a d end"});
  EXPECT_TRUE(outcome.found);
  EXPECT_EQ(outcome.text, "a ");
}

TEST(StopTextTest, HoldsBackOnlyWhatMayBeAStop) {
  const std::vector<std::string> stops = {"##"};
  StopText stop_text(stops);
  EXPECT_EQ(stop_text.feed("one #").ready, "one ");
  EXPECT_EQ(stop_text.feed("two").ready, "#two");
  EXPECT_TRUE(stop_text.feed("##").found);
}

TEST(StopTextTest, NoStopsLetEverythingThrough) {
  EXPECT_EQ(run({}, {"a", "b"}).text, "ab");
  EXPECT_EQ(run({""}, {"a", "b"}).text, "ab");
}

/// Any cut of a text into pieces gives the same result as the whole.
TEST(StopTextTest, PiecesDoNotMatter) {
  const std::vector<std::string> stops = {"aab", "bb"};
  const std::string text = "aaaabcabab";
  for (unsigned cuts = 0; cuts < (1U << (text.size() - 1)); ++cuts) {
    std::vector<std::string> pieces(1);
    for (size_t i = 0; i < text.size(); ++i) {
      pieces.back() += text[i];
      if (i + 1 < text.size() && (cuts >> i) & 1U) pieces.emplace_back();
    }
    const Outcome outcome = run(stops, pieces);
    ASSERT_TRUE(outcome.found);
    ASSERT_EQ(outcome.text, "aa");
  }
}

}  // namespace
}  // namespace anemone::generate
