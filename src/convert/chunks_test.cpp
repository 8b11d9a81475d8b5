#include "convert/chunks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace anemone::converter {
namespace {

using ::testing::ElementsAre;

ChunkBytes sum_of(std::vector<uint64_t> sizes) {
  return [sizes](size_t first, size_t last) {
    return std::accumulate(sizes.begin() + static_cast<std::ptrdiff_t>(first),
                           sizes.begin() + static_cast<std::ptrdiff_t>(last), uint64_t{0});
  };
}

TEST(Divide, MakesTheLargestChunkAsSmallAsCanBe) {
  EXPECT_THAT(*divide(5, 2, kMostChunkBytes, sum_of({4, 1, 1, 1, 4})), ElementsAre(2, 5));
  EXPECT_THAT(*divide(5, 3, kMostChunkBytes, sum_of({9, 1, 1, 1, 9})), ElementsAre(1, 4, 5));
  EXPECT_THAT(*divide(3, 3, kMostChunkBytes, sum_of({1, 1, 1})), ElementsAre(1, 2, 3));
  EXPECT_THAT(*divide(3, 1, kMostChunkBytes, sum_of({1, 1, 1})), ElementsAre(3));
}

TEST(Divide, TakesAsFewChunksAsTheLimitAllows) {
  const uint64_t half = kMostChunkBytes / 2;
  EXPECT_THAT(*divide(4, {}, kMostChunkBytes, sum_of({half, half, half, half})), ElementsAre(2, 4));
  EXPECT_THAT(*divide(2, {}, kMostChunkBytes, sum_of({half, half})), ElementsAre(2));
  EXPECT_THAT(*divide(2, {}, kMostChunkBytes, sum_of({half, half + 1})), ElementsAre(1, 2));
}

/// A piece cannot be cut, so it may pass the limit, and others then as far as it does.
TEST(Divide, KeepsAPieceThatIsAboveTheLimitWhole) {
  const uint64_t most = kMostChunkBytes;
  EXPECT_THAT(*divide(3, {}, kMostChunkBytes, sum_of({2 * most, most / 2, most / 2})),
              ElementsAre(1, 3));
}

TEST(ChunkLimit, FollowsTheChip) {
  EXPECT_EQ(*chunk_limit(""), kMostChunkBytes);
  EXPECT_EQ(*chunk_limit("a17pro"), kMostChunkBytes);
  EXPECT_EQ(*chunk_limit("m1"), kMostChunkBytesOnMacs);
  EXPECT_EQ(*chunk_limit("m4max"), kMostChunkBytesOnMacs);
  for (const char* wrong : {"m", "m0", "m9", "a11", "z4", "m4maximal", "m04", "m05ultra"})
    EXPECT_EQ(chunk_limit(wrong).error().code, ErrorCode::invalid_argument) << wrong;
}

TEST(Divide, RefusesCountsThatCannotBe) {
  EXPECT_EQ(divide(3, 0, kMostChunkBytes, sum_of({1, 1, 1})).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(divide(3, 4, kMostChunkBytes, sum_of({1, 1, 1})).error().code,
            ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace anemone::converter
