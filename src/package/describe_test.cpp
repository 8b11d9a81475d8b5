#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "anemone/package.h"

namespace anemone::package {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mil::Program parsed(const std::string& body, const std::string& opset = "ios18") {
  auto program = mil::parse("program(1.3)\n{\n    func main<" + opset + ">(" + body + "\n}\n");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  return program.ok() ? std::move(*program) : mil::Program();
}

TEST(DescribeTest, TakesNamesTypesAndShapesFromTheProgram) {
  const mil::Program program = parsed(
      "tensor<int32, [1, 4]> ids, fp32 scale, state<tensor<fp16, [2, 8]>> kv) {\n"
      "        tensor<fp16, [2, 8]> now = read_state(input = kv)[name = string(\"now\")];\n"
      "    } -> (now, scale);");
  const auto description = describe(program.functions[0]);
  ASSERT_TRUE(description.ok()) << description.error().to_string();
  EXPECT_EQ(description->name, "main");
  ASSERT_EQ(description->inputs.size(), 2u);
  EXPECT_EQ(description->inputs[0].dtype, DType::int32);
  EXPECT_THAT(description->inputs[0].shape, ElementsAre(1, 4));
  EXPECT_THAT(description->inputs[1].shape, ElementsAre(1));
  ASSERT_EQ(description->states.size(), 1u);
  EXPECT_EQ(description->states[0].kind, Feature::Kind::state);
  EXPECT_THAT(description->states[0].shape, ElementsAre(2, 8));
  ASSERT_EQ(description->outputs.size(), 2u);
  EXPECT_EQ(description->outputs[0].name, "now");
  EXPECT_EQ(description->outputs[1].dtype, DType::fp32);
}

TEST(DescribeTest, UnknownSizesOfInputsMustBeGiven) {
  const mil::Program program = parsed(
      "tensor<fp32, [1, ?]> x) {\n"
      "        tensor<fp32, [1, ?]> y = relu(x = x)[name = string(\"y\")];\n"
      "    } -> (y);");
  const auto refused = describe(program.functions[0]);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().to_string(), AllOf(HasSubstr("'main'"), HasSubstr("'x'")));
  Feature x;
  x.name = "x";
  x.shape = {1, 4};
  x.ranges = {{1, 1}, {1, 16}};
  const auto description = describe(program.functions[0], {{x}});
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->inputs[0].ranges[1].upper, 16);
  EXPECT_THAT(description->outputs[0].shape, IsEmpty());
}

TEST(DescribeTest, DtypesThatDescriptionsDoNotKnowAreRefused) {
  const mil::Program program = parsed(
      "tensor<uint16, [4]> x) {\n"
      "        tensor<uint16, [4]> y = identity(x = x)[name = string(\"y\")];\n"
      "    } -> (y);");
  const auto refused = describe(program.functions[0]);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
}

TEST(DescribeTest, SpecificationFollowsOpsetTypesAndFunctions) {
  const std::string fp32 =
      "tensor<fp32, [4]> x) {\n"
      "        tensor<fp32, [4]> y = relu(x = x)[name = string(\"y\")];\n    } -> (y);";
  const std::string fp16 =
      "tensor<fp16, [4]> x) {\n"
      "        tensor<fp16, [4]> y = relu(x = x)[name = string(\"y\")];\n    } -> (y);";
  const std::vector<std::pair<std::string, int64_t>> opsets = {
      {"ios15", 6}, {"ios16", 7}, {"ios17", 8}, {"ios18", 9}, {"ios26", 10}};
  for (const auto& [opset, version] : opsets)
    EXPECT_EQ(specification_version(parsed(fp32, opset)), version) << opset;
  EXPECT_EQ(specification_version(parsed(fp16, "ios15")), 7);
  mil::Program two = parsed(fp32, "ios15");
  two.functions.push_back(two.functions[0]);
  EXPECT_EQ(specification_version(two), 9);
}

}  // namespace
}  // namespace anemone::package
