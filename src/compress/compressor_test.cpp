// What a compressor makes of weights that functions share.

#include "compress/compressor.h"

#include <gtest/gtest.h>

#include "compress/round_trip.h"

namespace anemone::compress {
namespace {

/// The deferred parts of a function, as a package would ask for them.
std::vector<const mil::Value*> parts_of(const mil::Function& function) {
  std::vector<const mil::Value*> parts;
  const auto add = [&](const mil::Value& value) {
    if (value.blob && !value.tensor.defined()) parts.push_back(&value);
  };
  for (const mil::Operation& operation : function.block.operations) {
    for (const auto& attribute : operation.attributes) add(attribute.second);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name()) add(binding.value());
  }
  return parts;
}

/// One weight in the file; functions for older systems hold it in another form.
TEST(Compressor, FunctionsOfOtherOpsetsHaveFormsOfTheirOwn) {
  const Tensor weight = test::random_weight(DType::fp16, {64, 96});
  mil::Program program;
  for (const char* opset : {"CoreML8", "CoreML8", "CoreML6"}) {
    mil::Program one = test::program_over(weight, "linear", opset);
    mil::Function& function = one.functions[0];
    function.name = "f" + std::to_string(program.functions.size());
    for (mil::Operation& operation : function.block.operations)
      if (operation.outputs[0].name == "layer_0_mlp_up_weight")
        for (auto& [name, value] : operation.attributes)
          if (name == "val")
            value.blob = std::make_shared<const mil::BlobReference>(
                mil::BlobReference{"weights/weight.bin", 64});
    program.functions.push_back(std::move(function));
  }
  Compressor compressor(*Spec::parse("int8"), 1);
  ASSERT_TRUE(compressor.rewrite(program, "model").ok());
  EXPECT_EQ(compressor.report().size(), 2u);
  const auto stream = compressor.stream({});
  const size_t counts[] = {2, 2, 3};  // values and scales; before iOS18 zero points as well
  for (size_t i = 0; i < 3; ++i) {
    const auto parts = parts_of(program.functions[i]);
    EXPECT_EQ(parts.size(), counts[i]) << i;
    for (const mil::Value* part : parts) {
      const Status status =
          stream(*part->blob, part->type.tensor, [&](const Tensor& tensor) -> Status {
            EXPECT_EQ(tensor.shape(), part->type.tensor.shape);
            EXPECT_EQ(tensor.dtype(), part->type.tensor.dtype);
            return {};
          });
      EXPECT_TRUE(status.ok());
    }
  }
}

}  // namespace
}  // namespace anemone::compress
