#include "eval/yaml.h"

#include <gtest/gtest.h>

#include "eval/python_format.h"

namespace anemone::eval {
namespace {

std::string read(std::string_view text) {
  auto value = parse_yaml(text);
  return value.ok() ? python::dumps(*value) : "error: " + value.error().to_string();
}

TEST(Yaml, ResolvesScalarsAsPyYamlDoes) {
  EXPECT_EQ(read("[yes, No, on, OFF, true, y, ~, null, '', \"yes\"]"),
            R"([true, false, true, false, true, "y", null, null, "", "yes"])");
  EXPECT_EQ(read("[010, 0o10, 0x1F, 0b11, -1_000, 1:30, +3, 08, 99999999999999999999]"),
            R"([8, "0o10", 31, 3, -1000, 90, 3, "08", "99999999999999999999"])");
  EXPECT_EQ(read("[1e3, 1.0e+3, 1.0, 1., .5, 1.5e3, -.inf, .NaN, 1_0.5, 0.0, 1.0e+400]"),
            R"(["1e3", 1000.0, 1.0, 1.0, 0.5, "1.5e3", -Infinity, NaN, 10.5, 0.0, Infinity])");
  EXPECT_EQ(read("a:\nb: 2026-01-01\n'1': !!str 2\n3: !!float 4"),
            R"({"a": null, "b": "2026-01-01", "1": "2", "3": 4.0})");
}

TEST(Yaml, MergesAndKeepsTheLastOfEqualKeys) {
  EXPECT_EQ(
      read("base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nd:\n  <<: [*b, *m]\n  x: 9"),
      R"({"base": {"x": 1, "y": 2}, "more": {"y": 3, "z": 4}, "d": {"x": 9, "y": 2, "z": 4}})");
  EXPECT_EQ(read("a: 1\nb: 2\na: 3"), R"({"a": 3, "b": 2})");
}

TEST(Yaml, KeepsFunctionsApart) {
  const auto value = parse_yaml("process_docs: !function utils.process_docs");
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(is_function((*value)["process_docs"]));
  EXPECT_FALSE(is_function(*value));
}

TEST(Yaml, ReadsEscapesAndFoldedText) {
  EXPECT_EQ(read("a: \"x\\\n  {% set p = '\\\n  Q: y\\n\\\n  A: z'%}\""),
            R"({"a": "x{% set p = 'Q: y\nA: z'%}"})");
  EXPECT_EQ(read("a: 'b\\n\n  c'\nd: |\n  e\n   f\n\ng: >-\n  h\n  i\n"),
            R"({"a": "b\\n c", "d": "e\n f\n", "g": "h i"})");
}

TEST(Yaml, NamesPlaceOfFaults) {
  EXPECT_EQ(read("a: [1, 2"), "error: line 2, column 1: did not find expected ',' or ']'");
  EXPECT_EQ(read("a: !python/object x"), "error: tag !python/object at line 1, column 4");
  EXPECT_EQ(read("<<: 3"), "error: '<<' needs a map or a list of maps, at line 1, column 5");
  EXPECT_EQ(parse_yaml(std::string(300, '[') + std::string(300, ']')).error().code,
            ErrorCode::limit);
}

TEST(Yaml, BoundsAliasBombs) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_EQ(parse_yaml(text).error().code, ErrorCode::limit);
}

TEST(Yaml, NothingIsNull) {
  EXPECT_EQ(*parse_yaml(std::string_view()), nullptr);
  EXPECT_EQ(*parse_yaml("# no value\n"), nullptr);
}

TEST(Yaml, SixtiesBeyondInt64StayText) {
  EXPECT_EQ(*parse_yaml("190:20:30"), 685230);
  EXPECT_EQ(*parse_yaml("9223372036854775807:59"), "9223372036854775807:59");
  EXPECT_EQ(*parse_yaml("9:59:59:59:59:59:59:59:59:59:59:59:59"),
            "9:59:59:59:59:59:59:59:59:59:59:59:59");
}

}  // namespace
}  // namespace anemone::eval
