// What weights of programs are multiplied with.

#include "calibrate/weight_inputs.h"

#include <gtest/gtest.h>

#include "mil/builder.h"

namespace anemone::calibrate {
namespace {

/// y = x w for two weights of one function.
package::Package two_linears() {
  constexpr int64_t kSize = 64;
  mil::Builder builder("main", "CoreML8");
  const mil::Var x = builder.input("x", DType::fp16, {1, kSize});
  const mil::Var bias = builder.constant("bias", Tensor::zeros(DType::fp16, {kSize}));
  mil::Var y = x;
  for (const char* name : {"up", "down"}) {
    Tensor values = Tensor::zeros(DType::fp16, {kSize, kSize});
    values.set(0, name[0]);  // what holds the same is one constant
    const mil::Var weight = builder.constant(std::string(name) + "_weight", std::move(values));
    y = builder.add("linear", name, {{"x", y}, {"weight", weight}, {"bias", bias}});
  }
  builder.output("out", y);
  package::Package package;
  package.path = "model.mlpackage";
  package.program.functions.push_back(std::move(builder).finish());
  return package;
}

TEST(WeightInputs, AreWhatTheReadersTake) {
  const package::Package package = two_linears();
  const auto weights = weight_inputs(package, "model");
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].uses, (std::vector<InputUse>{{"model.mlpackage", "main", "x", 1}}));
  EXPECT_EQ(weights[1].uses, (std::vector<InputUse>{{"model.mlpackage", "main", "up", 1}}));
}

/// Convolutions in one dimension and in two: channels are the second axis of what they take.
TEST(WeightInputs, OfAConvolutionHaveTheirChannelsBehindTheBatch) {
  constexpr int64_t kSize = 64;
  for (const size_t spatial : {1U, 2U}) {
    std::vector<int64_t> taken = {1, kSize};
    std::vector<int64_t> weights = {kSize, kSize};
    for (size_t i = 0; i < spatial; ++i) {
      taken.push_back(5);
      weights.push_back(1);
    }
    mil::Builder builder("main", "CoreML8");
    const mil::Var x = builder.input("x", DType::fp16, Shape(taken));
    const mil::Var weight =
        builder.constant("q_weight", Tensor::zeros(DType::fp16, Shape(weights)));
    builder.output("out", builder.add("conv", "q", {{"x", x}, {"weight", weight}}));
    package::Package package;
    package.path = "model.mlpackage";
    package.program.functions.push_back(std::move(builder).finish());
    const auto found = weight_inputs(package, "model");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].uses,
              (std::vector<InputUse>{{"model.mlpackage", "main", "x", spatial + 1}}));
  }
}

/// The values in a branch are not observed: half of what a weight is multiplied with says less than
/// nothing.
TEST(WeightInputs, AreUnknownWhereABranchReadsTheWeight) {
  package::Package package = two_linears();
  mil::Block& block = package.program.functions[0].block;
  for (const bool also_outside : {true, false}) {
    mil::Operation branch;
    branch.type = "cond";
    branch.outputs.push_back({also_outside ? "first" : "second", {}});
    branch.blocks.resize(1);
    for (const mil::Operation& operation : block.operations)
      if (operation.type == "linear" && operation.outputs[0].name == "up")
        branch.blocks[0].operations.push_back(operation);
    if (!also_outside)
      std::erase_if(block.operations, [](const mil::Operation& operation) {
        return operation.type == "linear" && operation.outputs[0].name == "up";
      });
    block.operations.push_back(std::move(branch));
    const auto weights = weight_inputs(package, "model");
    ASSERT_EQ(weights.size(), 2u);
    EXPECT_FALSE(weights[0].is_tunable);
    EXPECT_TRUE(weights[1].is_tunable);
    EXPECT_EQ(weights[1].uses.size(), 1u);
  }
}

/// Half of what a weight is multiplied with must not stand for all of it.
TEST(WeightInputs, AreUnknownWhereABranchOfAnotherFunctionReadsTheWeight) {
  for (const bool branch_is_first : {false, true}) {
    package::Package package = two_linears();
    mil::Function branched = package.program.functions[0];
    branched.name = "branched";
    mil::Operation branch;
    branch.type = "cond";
    branch.outputs.push_back({"first", {}});
    branch.blocks.resize(1);
    for (const mil::Operation& operation : branched.block.operations)
      if (operation.type == "linear" && operation.outputs[0].name == "up")
        branch.blocks[0].operations.push_back(operation);
    branched.block.operations.push_back(std::move(branch));
    auto& functions = package.program.functions;
    functions.insert(branch_is_first ? functions.begin() : functions.end(), std::move(branched));
    const auto weights = weight_inputs(package, "model");
    ASSERT_EQ(weights.size(), 2u);
    EXPECT_FALSE(weights[0].is_tunable);
    EXPECT_TRUE(weights[1].is_tunable);
  }
}

/// The forms of one weight differ between systems.
TEST(WeightInputs, OfFunctionsForTwoSystemsAreTwoWeightsEach) {
  package::Package package = two_linears();
  mil::Function older = package.program.functions[0];
  older.name = "older";
  older.opset = "CoreML6";
  package.program.functions.push_back(std::move(older));
  EXPECT_EQ(weight_inputs(package, "model").size(), 4u);
}

}  // namespace
}  // namespace anemone::calibrate
