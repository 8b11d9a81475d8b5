#include "mil/builder.h"

#include <gtest/gtest.h>

#include "mil/interpret.h"

namespace anemone::mil {
namespace {

Tensor floats(Shape shape, std::vector<float> values) {
  return Tensor::from_values<float>(DType::fp32, shape, values);
}

Program program_of(Function function) {
  Program program;
  program.functions.push_back(std::move(function));
  return program;
}

TEST(Builder, NamesTypesAndConstantsAreMadeOnce) {
  Builder builder("main", "CoreML8");
  const Var x = builder.input("x", DType::fp32, {1, 4});
  const Var two = builder.scalar(DType::fp32, 2);
  Var y;
  {
    const Builder::NameScope layer(builder, "layer_3");
    const Builder::NameScope attention(builder, "attention");
    y = builder.add("mul", "q", {{"x", x}, {"y", two}});
    EXPECT_EQ(y.name(), "layer_3_attention_q");
    EXPECT_EQ(builder.add("mul", "q", {{"x", y}, {"y", two}}).name(), "layer_3_attention_q_1");
  }
  EXPECT_EQ(builder.scalar(DType::fp32, 2).name(), two.name());
  EXPECT_NE(builder.scalar(DType::fp16, 2).name(), two.name());
  const auto parts =
      builder.add_all("split", "part", 2, {{"x", y}, {"num_splits", 2}, {"axis", 1}});
  EXPECT_EQ(parts[1].shape(), (Shape{1, 2}));
  builder.output("first", parts[1]);
  const Program program = program_of(std::move(builder).finish());
  EXPECT_TRUE(verify(program).empty());
  const Tensor input = floats({1, 4}, {1, 2, 3, 4});
  const auto outputs = interpret(program, "main", std::vector{input});
  ASSERT_TRUE(outputs.ok()) << outputs.error().to_string();
  EXPECT_EQ((*outputs)[0].at(0), 6);
  EXPECT_EQ((*outputs)[0].at(1), 8);
  EXPECT_EQ(program.functions[0].block.outputs, std::vector<std::string>{"first"});
}

TEST(Builder, DropsWhatNothingNeeds) {
  Builder builder("main", "CoreML8");
  const Var x = builder.input("x", DType::fp16, {2});
  builder.add("exp", "unused", {{"x", x}});
  builder.output("y", builder.add("abs", "y", {{"x", x}}));
  const Function function = std::move(builder).finish();
  ASSERT_EQ(function.block.operations.size(), 1u);
  EXPECT_EQ(function.block.operations[0].type, "abs");
}

TEST(Builder, StatesAreReadAndWritten) {
  Builder builder("main", "CoreML8");
  const Var x = builder.input("x", DType::fp16, {2});
  const Var sum = builder.state("sum", DType::fp16, {2});
  const Var before = builder.add("read_state", "before", {{"input", sum}});
  const Var after = builder.add("add", "after", {{"x", before}, {"y", x}});
  builder.add_all("write_state", "write", 0, {{"input", sum}, {"data", after}});
  builder.output("after", after);
  const Program program = program_of(std::move(builder).finish());
  EXPECT_TRUE(verify(program).empty());
  const Tensor one = Tensor::from_values<float>(DType::fp16, {2}, std::vector<float>{1, 2});
  std::vector<Tensor> states{Tensor::zeros(DType::fp16, {2})};
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(interpret(program, "main", std::vector{one}, states).ok());
  EXPECT_EQ(states[0].at(1), 4);
}

TEST(Builder, DeferredConstantsAreVerifiedByTheirType) {
  Builder builder("main", "CoreML8");
  const Var x = builder.input("x", DType::fp16, {1, 4, 1, 8});
  const Var weight = builder.deferred("q", "@checkpoint/q", DType::fp16, {6, 4, 1, 1});
  EXPECT_EQ(builder.deferred("other", "@checkpoint/q", DType::fp16, {6, 4, 1, 1}).name(),
            weight.name());
  builder.output("y", builder.add("conv", "y", {{"x", x}, {"weight", weight}}));
  Program program = program_of(std::move(builder).finish());
  EXPECT_TRUE(verify(program).empty());
  EXPECT_NE(print(program).find("BLOBFILE(path = string(\"@checkpoint/q\")"), std::string::npos);

  for (Operation& operation : program.functions[0].block.operations)
    for (auto& [name, value] : operation.attributes)
      if (value.blob != nullptr) value.type.tensor.shape = {6, 5, 1, 1};
  EXPECT_FALSE(verify(program).empty());
}

TEST(BuilderDeathTest, MisuseIsABug) {
  Builder builder("main", "CoreML8");
  const Var x = builder.input("x", DType::fp16, {2});
  EXPECT_DEATH(builder.add("nonsense", "y", {{"x", x}}), "the operation exists");
  EXPECT_DEATH(builder.add("abs", "y", {{"z", x}}), "no parameter 'z'");
  EXPECT_DEATH(builder.add("cast", "y", {{"x", x}, {"dtype", "fp12"}}), "cast");
}

}  // namespace
}  // namespace anemone::mil
