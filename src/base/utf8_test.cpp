#include "base/utf8.h"

#include <gtest/gtest.h>

namespace anemone {
namespace {

TEST(Utf8, EveryCodePointRoundTrips) {
  for (char32_t point = 0; point <= 0x10ffff; ++point) {
    const std::u32string_view one(&point, 1);
    const auto text = encode_utf8(one);
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    ASSERT_EQ(text.has_value(), !surrogate) << static_cast<uint32_t>(point);
    if (text) {
      ASSERT_EQ(decode_utf8(*text), one);
    }
  }
}

TEST(Utf8, RefusesWhatIsNoUtf8) {
  for (const char* text : {"\xff", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\x80",
                           "a\xf4\x90\x80\x80", "\xe0\x80\x80", "ok\xc3"}) {
    EXPECT_FALSE(is_utf8(text));
    EXPECT_FALSE(decode_utf8(text).has_value());
  }
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view("a\0\xe2\x82\xac", 5)));
  EXPECT_FALSE(encode_utf8(U"\x110000").has_value());
  EXPECT_FALSE(encode_utf8(std::u32string(1, static_cast<char32_t>(0xffffffff))).has_value());
}

TEST(Utf8, BytesThatAreNoUtf8AreReplaced) {
  EXPECT_EQ(to_utf8(""), "");
  EXPECT_EQ(to_utf8("a\xe2\x82\xac"), "a\xe2\x82\xac");
  EXPECT_EQ(to_utf8("bad\xff"), "bad\uFFFD");
  EXPECT_EQ(to_utf8("\xe2\x82z\x80"), "\uFFFD\uFFFDz\uFFFD");
}

}  // namespace
}  // namespace anemone
