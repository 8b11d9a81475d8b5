#include "generate/prompt_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace anemone::generate {
namespace {

/// Two bytes a token: the sum of all tokens up to it, which no other beginning has by chance.
std::vector<std::byte> bytes_of(std::span<const int32_t> tokens) {
  std::vector<std::byte> bytes;
  uint32_t sum = 0;
  for (const int32_t token : tokens) {
    sum = sum * 31 + static_cast<uint32_t>(token) + 1;
    bytes.push_back(static_cast<std::byte>(sum));
    bytes.push_back(static_cast<std::byte>(sum >> 8));
  }
  return bytes;
}

class PromptTreeTest : public testing::Test {
 protected:
  explicit PromptTreeTest(uint64_t budget_bytes = uint64_t{1} << 20) : tree(2, budget_bytes) {}

  size_t insert(const std::vector<int32_t>& tokens) {
    size_t saved = 0;
    const auto all = bytes_of(tokens);
    tree.insert(tokens, [&](size_t begin, std::span<std::byte> bytes) {
      saved = bytes.size() / 2;
      std::ranges::copy(std::span(all).subspan(begin * 2, bytes.size()), bytes.begin());
    });
    return saved;
  }

  /// Checks the bytes, too.
  size_t find(const std::vector<int32_t>& tokens) {
    std::vector<std::span<const std::byte>> pieces;
    const size_t known = tree.find(tokens, pieces);
    std::vector<std::byte> joined;
    for (const auto piece : pieces) joined.insert(joined.end(), piece.begin(), piece.end());
    EXPECT_EQ(joined, bytes_of(std::span(tokens).first(known)));
    return known;
  }

  PromptTree tree;
};

TEST_F(PromptTreeTest, FindsTheLongestBeginning) {
  EXPECT_EQ(find({1, 2, 3}), 0U);
  EXPECT_EQ(insert({1, 2, 3, 4}), 4U);
  EXPECT_EQ(find({1, 2, 3}), 3U);
  EXPECT_EQ(find({1, 2, 9, 4}), 2U);
  EXPECT_EQ(find({1, 2, 3, 4, 5}), 4U);
  EXPECT_EQ(find({2, 2}), 0U);
  EXPECT_EQ(find({}), 0U);
}

TEST_F(PromptTreeTest, KeepsWhatTextsShareOnce) {
  insert({1, 2, 3, 4});
  EXPECT_EQ(insert({1, 2, 7}), 1U);
  EXPECT_EQ(tree.nodes(), 3U);
  EXPECT_EQ(insert({1, 2}), 0U);
  EXPECT_EQ(insert({1, 2, 3, 4, 8, 9}), 2U);
  EXPECT_EQ(find({1, 2, 7, 7}), 3U);
  EXPECT_EQ(find({1, 2, 3, 4, 8, 9}), 6U);
}

TEST_F(PromptTreeTest, AgreesWithAListOfTexts) {
  std::mt19937 random(3);
  std::vector<std::vector<int32_t>> kept;
  for (int i = 0; i < 400; ++i) {
    std::vector<int32_t> tokens(random() % 12);
    for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 3);
    size_t expected = 0;
    for (const auto& each : kept) {
      const auto differs = std::ranges::mismatch(each, tokens).in2;
      expected = std::max(expected, static_cast<size_t>(differs - tokens.begin()));
    }
    ASSERT_EQ(find(tokens), expected);
    ASSERT_EQ(insert(tokens), tokens.size() - expected);
    kept.push_back(tokens);
  }
}

class SmallPromptTreeTest : public PromptTreeTest {
 protected:
  SmallPromptTreeTest() : PromptTreeTest(1500) {}
};

TEST_F(SmallPromptTreeTest, WhatWasNotUsedLongestGoesFirst) {
  const auto text = [](int32_t first) {
    std::vector<int32_t> tokens(80, first);
    return tokens;
  };
  insert(text(1));
  insert(text(2));
  EXPECT_EQ(find(text(1)), 80U);
  insert(text(3));
  EXPECT_LE(tree.size_bytes(), 1500U);
  EXPECT_EQ(find(text(1)), 80U);
  EXPECT_EQ(find(text(2)), 0U);
  EXPECT_EQ(find(text(3)), 80U);
  EXPECT_EQ(tree.evicted_tokens(), 80U);
  insert(std::vector<int32_t>(5000, 4));
  EXPECT_GT(find(std::vector<int32_t>(5000, 4)), 200U) << "the beginning of what is too large";
  EXPECT_LE(tree.size_bytes(), 1500U);
}

}  // namespace
}  // namespace anemone::generate
