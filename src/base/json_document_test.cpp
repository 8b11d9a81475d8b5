#include "base/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/scratch_folder.h"

namespace anemone {
namespace {

using testing::HasSubstr;

Error refusal(std::string_view text) {
  auto document = parse_json_object(text);
  EXPECT_FALSE(document.ok()) << text.substr(0, 60);
  return document.ok() ? Error{} : document.error();
}

std::string nested(size_t depth) {
  return "{\"a\": " + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

TEST(JsonDocument, NestsOnlySoDeep) {
  EXPECT_TRUE(parse_json_object(nested(64)).ok());
  EXPECT_EQ(refusal(nested(65)).code, ErrorCode::limit);
  EXPECT_EQ(refusal(nested(500000)).code, ErrorCode::limit);
  EXPECT_TRUE(parse_json_object("{\"a\": \"" + std::string(65, '[') + "\\\"[\"}").ok());
}

TEST(JsonDocument, IsAnObjectWithEachKeyOnce) {
  EXPECT_EQ(refusal("{").code, ErrorCode::corrupt);
  EXPECT_EQ(refusal("{} {}").code, ErrorCode::corrupt);
  EXPECT_THAT(refusal("[1]").message, HasSubstr("array"));
  EXPECT_THAT(refusal(R"({"a": {"b": 1, "b": 2}})").message, HasSubstr("'b' twice"));
  EXPECT_TRUE(parse_json_object(R"({"a": {"b": 1}, "b": 2})").ok());
}

TEST(JsonDocument, OfAFileSaysWhichAndHasABound) {
  const test::ScratchFolder folder;
  folder.write("small.json", "{\"a\": [}");
  folder.write("large.json", "{}");
  std::filesystem::resize_file(folder.path() / "large.json", (uintmax_t{64} << 20) + 1);
  for (const auto& [name, code] :
       {std::pair("small.json", ErrorCode::corrupt), std::pair("large.json", ErrorCode::limit),
        std::pair("none.json", ErrorCode::not_found)}) {
    const auto document = read_json_object(folder.path() / name);
    ASSERT_FALSE(document.ok()) << name;
    EXPECT_EQ(document.error().code, code);
    EXPECT_THAT(document.error().to_string(), HasSubstr(name));
  }
}

}  // namespace
}  // namespace anemone
