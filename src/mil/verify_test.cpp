#include <gtest/gtest.h>

#include "anemone/program.h"

/// Faults that the text form cannot express; the others are in tests/verify.
namespace anemone::mil {
namespace {

const ValueType kVector = ValueType::of(DType::fp16, {2});

Operation relu(const std::string& input, NamedType output) {
  return Operation{.type = "relu",
                   .inputs = {Argument{.parameter = "x", .bindings = {Binding{input}}}},
                   .outputs = {std::move(output)}};
}

Program program_of(std::vector<NamedType> inputs, std::vector<Operation> operations) {
  Program program;
  Function function{.name = "main", .opset = "CoreML8", .inputs = std::move(inputs)};
  function.block.outputs = {"y"};
  function.block.operations = std::move(operations);
  program.functions.push_back(std::move(function));
  return program;
}

std::vector<std::string> faults_of(const Program& program) {
  std::vector<std::string> faults;
  for (const Diagnostic& fault : verify(program)) faults.push_back(fault.to_string());
  return faults;
}

using Faults = std::vector<std::string>;

TEST(Verify, AProgramHasAFunction) {
  EXPECT_EQ(faults_of(Program{}), Faults{"has no function  [program_c2]"});
}

TEST(Verify, BoundsTypesAndInfersNothingFromMalformedOnes) {
  const ValueType negative = ValueType::of(DType::fp16, {-5});
  ValueType many = ValueType::of(DType::fp16, {int64_t{1} << 30, int64_t{1} << 30});
  EXPECT_EQ(faults_of(program_of({{"x", negative}}, {relu("x", {"y", kVector})})),
            Faults{"main: input 'x': dimension -5 is outside 0 … 2147483647  [type_c1]"});
  EXPECT_EQ(
      faults_of(program_of({{"x", kVector}}, {relu("x", {"z", many}), relu("z", {"y", many})})),
      (Faults{"main: op 0 'z': output 'z': shape [1073741824, 1073741824] has more than "
              "70368744177664 elements  [type_c1]",
              "main: op 1 'y': output 'y': shape [1073741824, 1073741824] has more than "
              "70368744177664 elements  [type_c1]"}));
  ValueType list;
  list.kind = ValueType::Kind::list;
  EXPECT_EQ(faults_of(program_of({{"x", list}, {"y", kVector}}, {})),
            Faults{"main: input 'x': a list type has 0 element types, expected 1  [type_c1]"});
}

TEST(Verify, ContentsOfConstantsFitTheirTypes) {
  Value hollow{.type = kVector};
  Value narrow{.type = kVector, .tensor = Tensor::zeros(DType::fp16, {1})};
  Value single{.type = kVector, .tensor = Tensor::zeros(DType::fp32, {2})};
  const auto constant = [](Value value) {
    return program_of({}, {Operation{.type = "const",
                                     .outputs = {{"y", kVector}},
                                     .attributes = {{"val", std::move(value)}}}});
  };
  EXPECT_EQ(faults_of(constant(hollow)),
            Faults{"main: op 0 'y': inline value of 'val' has a type but no contents  [arg_c9]"});
  EXPECT_EQ(faults_of(constant(narrow)),
            Faults{"main: op 0 'y': inline value of 'val' has shape [1], its type says [2]  "
                   "[arg_c9]"});
  EXPECT_EQ(faults_of(constant(single)),
            Faults{"main: op 0 'y': inline value of 'val' holds fp32, its type says fp16  "
                   "[arg_c9]"});
  Program program = program_of({{"y", kVector}}, {});
  program.functions[0].attributes = {{"note", hollow}};
  EXPECT_EQ(faults_of(program),
            Faults{"main: attribute 'note' has a type but no contents  [attribute_c1]"});
  program.functions[0].attributes.clear();
  program.attributes = {{"note", narrow}};
  EXPECT_EQ(faults_of(program),
            Faults{"attribute 'note' has shape [1], its type says [2]  [attribute_c1]"});
}

}  // namespace
}  // namespace anemone::mil
