#include "base/blake3.h"

#include <gtest/gtest.h>

#include "support/scratch_folder.h"

namespace anemone {
namespace {

// Source: test_vectors.json of BLAKE3's reference implementation. Byte i of an input is i mod 251.
TEST(Blake3Test, ReferenceVectors) {
  const auto input = [](size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
    return bytes;
  };
  EXPECT_EQ(blake3(input(0)),
            "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  EXPECT_EQ(blake3(input(1)),
            "blake3:2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213");
  EXPECT_EQ(blake3(input(102400)),
            "blake3:bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085");
}

TEST(Blake3Test, PiecesEqualTheWhole) {
  Blake3 hash;
  hash.update("ab");
  hash.update("");
  hash.update("c");
  EXPECT_EQ(hash.finish(), blake3("abc"));
}

TEST(Blake3Test, FilesEqualTheirContents) {
  const test::ScratchFolder folder;
  for (const size_t size : {size_t{0}, size_t{256} << 10, (size_t{256} << 10) + 1}) {
    const std::string text(size, 'x');
    folder.write("file", text);
    Blake3 hash;
    ASSERT_TRUE(hash.update_from(folder.path() / "file").ok());
    EXPECT_EQ(hash.finish(), blake3(text));
  }
  Blake3 hash;
  EXPECT_EQ(hash.update_from(folder.path() / "none").error().code, ErrorCode::io);
}

}  // namespace
}  // namespace anemone
