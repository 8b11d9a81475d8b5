#include "base/piece_consumer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace anemone {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(PieceConsumerTest, TakesPiecesInTheirOrder) {
  std::string taken;
  std::array<std::string, PieceConsumer::kPieces> pieces;
  PieceConsumer consumer([&](std::span<const std::byte> bytes) -> Status {
    taken.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  });
  std::string expected;
  for (size_t i = 0; i < 1000; ++i) {
    const size_t piece = i % pieces.size();
    ASSERT_TRUE(consumer.wait_for(piece).ok());
    pieces[piece] = std::to_string(i) + " ";
    expected += pieces[piece];
    consumer.add(bytes_of(pieces[piece]));
  }
  ASSERT_TRUE(consumer.finish().ok());
  EXPECT_EQ(taken, expected);
}

TEST(PieceConsumerTest, FailsOnceAndForAll) {
  int calls = 0;
  const std::string piece = "x";
  PieceConsumer consumer([&](std::span<const std::byte>) -> Status {
    if (++calls < 3) return {};
    return Error{ErrorCode::io, "the disk is full", {}, {}};
  });
  size_t added = 0;
  while (consumer.wait_for(added % PieceConsumer::kPieces).ok()) {
    ASSERT_LT(added, 100u);
    consumer.add(bytes_of(piece));
    ++added;
  }
  EXPECT_EQ(consumer.finish().error().message, "the disk is full");
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace anemone
