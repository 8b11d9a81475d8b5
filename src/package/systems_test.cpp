#include "anemone/systems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/shared.h"

namespace anemone::package {
namespace {

using ::testing::ElementsAre;

/// A package of one function in that opset, described as its program says.
Package made(const std::string& opset, const std::string& body) {
  Package package;
  auto program = mil::parse("program(1.3)\n{\n    func main<" + opset + ">(" + body + "\n}\n");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  if (!program.ok()) return package;
  package.program = *std::move(program);
  auto described = describe(package.program.functions[0]);
  EXPECT_TRUE(described.ok()) << described.error().to_string();
  if (described.ok()) package.functions = {*std::move(described)};
  package.specification_version = specification_version(package.program);
  return package;
}

std::string relu(const std::string& dtype) {
  const std::string type = "tensor<" + dtype + ", [4]>";
  return type + " x) {\n        " + type + " y = relu(x = x)[name = string(\"y\")];\n    } -> (y);";
}

const char* const kState =
    "state<tensor<fp16, [2, 8]>> kv) {\n"
    "        tensor<fp16, [2, 8]> now = read_state(input = kv)[name = string(\"now\")];\n"
    "    } -> (now);";

TEST(Systems, S2_30_FollowTheOpsetOfEachFunction) {
  constexpr std::tuple<const char*, const char*, const char*> kOpsets[] = {{"ios15", "15", "12"},
                                                                           {"ios16", "16", "13"},
                                                                           {"ios17", "17", "14"},
                                                                           {"ios18", "18", "15"},
                                                                           {"ios26", "26", "26"}};
  for (const auto& [opset, ios, macos] : kOpsets) {
    const auto systems = systems_of(made(opset, relu("fp32")));
    ASSERT_TRUE(systems) << opset;
    EXPECT_EQ(systems->ios, ios);
    EXPECT_EQ(systems->macos, macos);
  }
}

TEST(Systems, S2_30_FollowOpsTypesStatesAndFunctions) {
  const auto half = systems_of(made("ios15", relu("fp16")));
  ASSERT_TRUE(half);
  EXPECT_EQ(half->ios, "16");
  EXPECT_THAT(half->because, ElementsAre("x is fp16", "y is fp16"));
  const auto state = systems_of(made("ios18", kState));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->macos, "15");
  EXPECT_THAT(state->because,
              ElementsAre("opset of iOS 18", "ops of iOS 18: read_state", "states"));
  Package two = made("ios17", relu("fp32"));
  two.functions.push_back(two.functions[0]);
  two.program.functions.push_back(two.program.functions[0]);
  const auto several = systems_of(two);
  ASSERT_TRUE(several);
  EXPECT_EQ(several->ios, "18");
  EXPECT_THAT(several->because, ElementsAre("several functions"));
}

TEST(Systems, S2_30_TheDeclaredVersionCountsAndAnUnknownOneIsNotGuessed) {
  Package package = made("ios16", relu("fp32"));
  package.specification_version = 9;
  const auto systems = systems_of(package);
  ASSERT_TRUE(systems);
  EXPECT_EQ(systems->ios, "18");
  EXPECT_THAT(systems->because, ElementsAre("declared specification version 9"));
  package.specification_version = 99;
  EXPECT_FALSE(systems_of(package));
}

TEST(Systems, S2_30_OfTheEmbeddedModelIsKnown) {
  const auto directory = open_anemll(test::source_folder() / "models/anemone-tiny-anemll");
  ASSERT_TRUE(directory.ok()) << directory.error().to_string();
  const auto chunk = open(directory->chunks.at(0));
  ASSERT_TRUE(chunk.ok()) << chunk.error().to_string();
  const auto systems = systems_of(*chunk);
  ASSERT_TRUE(systems);
  EXPECT_EQ(systems->ios, "18");
  EXPECT_EQ(systems->macos, "15");
}

}  // namespace
}  // namespace anemone::package
