#include "generate/drafter.h"

#include <gtest/gtest.h>

namespace anemone::generate {
namespace {

using Tokens = std::vector<int32_t>;

Tokens lookup(const Tokens& tokens, size_t most, size_t prompt_tokens = 1000,
              bool prompt_only = false) {
  LookupDrafter drafter(prompt_tokens, prompt_only);
  Tokens draft = {99};
  EXPECT_TRUE(drafter.propose(tokens, most, draft).ok());
  return draft;
}

TEST(LookupDrafter, ContinuesTheLongestRepetition) {
  EXPECT_EQ(lookup({1, 2, 3, 4, 5, 9, 2, 3}, 3), (Tokens{4, 5, 9}));
  EXPECT_EQ(lookup({1, 2, 3, 4, 5, 9, 2, 3}, 1), (Tokens{4}));
  // Three tokens before 7 agree, two before 8.
  EXPECT_EQ(lookup({1, 2, 3, 7, 0, 2, 3, 8, 1, 2, 3}, 1), (Tokens{7}));
  // The last of equals.
  EXPECT_EQ(lookup({2, 3, 7, 5, 2, 3, 8, 6, 2, 3}, 2), (Tokens{8, 6}));
}

TEST(LookupDrafter, HasNoGuessWithoutARepetition) {
  EXPECT_EQ(lookup({1, 2, 3, 4}, 3), Tokens{});
  EXPECT_EQ(lookup({3, 7, 3, 8, 3}, 3), Tokens{}) << "one token alone repeats by chance";
  EXPECT_EQ(lookup({5}, 3), Tokens{});
}

TEST(LookupDrafter, BeginsWithATokenThatOccursOnce) {
  EXPECT_EQ(lookup({3, 7, 4, 3}, 2), (Tokens{7, 4}));
  EXPECT_EQ(lookup({7, 4, 3, 3}, 2, 3, true), Tokens{}) << "nothing follows in the prompt";
}

TEST(LookupDrafter, GoesOnBehindAReplacedWord) {
  LookupDrafter drafter(8, true);
  Tokens tokens = {1, 2, 3, 4, 5, 6, 5, 7, /* the answer */ 1};
  Tokens draft;
  ASSERT_TRUE(drafter.propose(tokens, 4, draft).ok());
  EXPECT_EQ(draft, (Tokens{2, 3, 4, 5}));
  tokens.insert(tokens.end(), {2, 30, 5});  // 3 4 has become 30
  ASSERT_TRUE(drafter.propose(tokens, 4, draft).ok());
  EXPECT_EQ(draft, (Tokens{6, 5, 7})) << "the 5 that is nearer to where the guess would be";

  LookupDrafter other(40, true);
  tokens.assign(40, 0);
  for (int32_t i = 0; i < 40; ++i) tokens[static_cast<size_t>(i)] = i;
  tokens.push_back(1);
  ASSERT_TRUE(other.propose(tokens, 2, draft).ok());
  EXPECT_EQ(draft, (Tokens{2, 3}));
  tokens.insert(tokens.end(), {90, 30});
  ASSERT_TRUE(other.propose(tokens, 2, draft).ok());
  EXPECT_EQ(draft, Tokens{}) << "30 is far from there";
}

TEST(LookupDrafter, MayLookAtThePromptAlone) {
  const Tokens tokens = {1, 2, 3, 1, 2, 4, 1, 2};
  EXPECT_EQ(lookup(tokens, 1, 3, false), (Tokens{4}));
  EXPECT_EQ(lookup(tokens, 3, 3, true), (Tokens{3})) << "guesses end with the prompt";
}

TEST(DraftLength, GrowsWithSuccessAndRestsAfterFailures) {
  DraftLength length(10);
  EXPECT_EQ(length.next(), 3U);
  length.learn(3, 3);
  EXPECT_EQ(length.next(), 7U);
  length.learn(7, 7);
  EXPECT_EQ(length.next(), 10U);
  length.learn(10, 2);
  EXPECT_EQ(length.next(), 3U);
  length.learn(3, 0);
  EXPECT_EQ(length.next(), 1U);
  length.learn(1, 0);
  EXPECT_EQ(length.next(), 0U);
  EXPECT_EQ(length.next(), 0U);
  EXPECT_EQ(length.next(), 1U);
  length.learn(1, 0);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(length.next(), 0U);
  EXPECT_EQ(length.next(), 1U);
  length.learn(1, 1);
  EXPECT_EQ(length.next(), 3U);
}

}  // namespace
}  // namespace anemone::generate
