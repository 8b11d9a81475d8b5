#include "checkpoint/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace anemone::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

ConfigReader parsed(std::string_view text) {
  auto reader = ConfigReader::parse(text);
  EXPECT_TRUE(reader.ok()) << text;
  return std::move(reader).value();
}

TEST(ConfigReader, GivesTypedValues) {
  auto config = parsed(R"({"i": 7, "n": 2.5, "whole": 3, "b": true, "w": "silu", "is": [0, 2],
                           "ns": [1, 0.5], "ws": ["a", "b"], "o": {"inner": 4}})");
  EXPECT_EQ(config.integer("i"), 7);
  EXPECT_EQ(config.number("n"), 2.5);
  EXPECT_EQ(config.number("whole"), 3.0);
  EXPECT_TRUE(config.flag("b", false));
  EXPECT_EQ(config.word("w"), "silu");
  EXPECT_THAT(config.integers("is", {0, 2}), Optional(ElementsAre(0, 2)));
  EXPECT_THAT(config.numbers("ns"), Optional(ElementsAre(1.0, 0.5)));
  EXPECT_THAT(config.words("ws"), Optional(ElementsAre("a", "b")));
  auto inner = config.object("o");
  ASSERT_TRUE(inner.has_value());
  EXPECT_EQ(inner->integer("inner"), 4);
  EXPECT_TRUE(config.finish().ok());
}

TEST(ConfigReader, TellsAbsentFromNull) {
  auto config = parsed(R"({"window": null, "f": null, "o": null, "l": null})");
  EXPECT_EQ(config.optional_integer("window", 4096), std::nullopt);
  EXPECT_EQ(config.optional_integer("absent", 4096), 4096);
  EXPECT_EQ(config.optional_number("f", 30.0), std::nullopt);
  EXPECT_EQ(config.optional_number("absent", 30.0), 30.0);
  EXPECT_FALSE(config.flag("f", true));
  EXPECT_TRUE(config.flag("absent", true));
  EXPECT_FALSE(config.object("o").has_value());
  EXPECT_FALSE(config.integers("l").has_value());
  EXPECT_TRUE(config.finish().ok());
}

TEST(ConfigReader, NamesEveryWrongField) {
  auto config = parsed(R"({"heads": "4", "layers": 2.0, "size": 0, "flag": 1, "null": null,
                           "big": 18446744073709551615, "list": [1, "2"], "act": 3,
                           "theta": -1, "o": []})");
  config.integer("heads");
  config.integer("layers");
  config.integer("size");
  config.flag("flag", false);
  config.integer("null", 3);
  config.integer("big");
  config.integers("list");
  config.word("act");
  config.positive_number("theta");
  config.object("o");
  config.integer("hidden_size");
  const Status status = config.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::corrupt);
  EXPECT_THAT(status.error().message,
              AllOf(HasSubstr("heads: expected an integer from 1 to 2147483647, got \"4\""),
                    HasSubstr("layers: expected an integer"), HasSubstr("size: expected"),
                    HasSubstr("flag: expected true or false, got 1"), HasSubstr("null: expected"),
                    HasSubstr("big: expected"), HasSubstr("list: expected a list"),
                    HasSubstr("act: expected a string, got 3"),
                    HasSubstr("theta: expected a number above 0, got -1"),
                    HasSubstr("o: expected an object"), HasSubstr("hidden_size: missing")));
}

TEST(ConfigReader, NamesAllFieldsNobodyRead) {
  auto config = parsed(R"({"hidden_size": 8, "dtype": "float16", "alibi": true, "attn_sinks": 4,
                           "rope_scaling": {"factor": 2, "twist": 1},
                           "quantization": {"bits": 4}})");
  config.integer("hidden_size");
  config.object("rope_scaling")->number("factor");
  const Status status = config.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_THAT(status.error().message,
              AllOf(HasSubstr("alibi: unknown field (true)"), HasSubstr("attn_sinks: unknown"),
                    HasSubstr("rope_scaling.twist: unknown field (1)"), Not(HasSubstr("dtype")),
                    Not(HasSubstr("quantization")), Not(HasSubstr("factor"))));
}

TEST(ConfigReader, RefusesByName) {
  auto config = parsed(R"({"cross": true, "off": false})");
  config.refuse_if_true("cross");
  config.refuse_if_true("off");
  config.refuse_if_true("absent");
  const Status status = config.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_EQ(status.error().message, "config.json: cross: true is not supported here");
}

TEST(ConfigReader, RefusesWhatIsNoObject) {
  for (const char* text : {"", "{", "[]", "3", R"({"a": 1, "a": 2})"}) {
    const auto reader = ConfigReader::parse(text);
    ASSERT_FALSE(reader.ok()) << text;
    EXPECT_EQ(reader.error().code, ErrorCode::corrupt) << text;
  }
  const auto deep = ConfigReader::parse(R"({"a": )" + std::string(5000, '['));
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace anemone::checkpoint
