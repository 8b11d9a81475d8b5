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
    EXPECT_TRUE(weights[0].uses.empty());
    EXPECT_EQ(weights[1].uses.size(), 1u);
  }
}

}  // namespace
}  // namespace anemone::calibrate
