#include "mil/interpret.h"

#include <gtest/gtest.h>

namespace anemone::mil {
namespace {

Tensor floats(std::vector<float> values) {
  return Tensor::from_values<float>(DType::fp32, {static_cast<int64_t>(values.size())}, values);
}

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> result;
  for (int64_t i = 0; i < tensor.element_count(); ++i) result.push_back(tensor.at(i));
  return result;
}

const ValueType kVector = ValueType::of(DType::fp32, {2});

ValueType state_of(const ValueType& contents) {
  ValueType type = contents;
  type.kind = ValueType::Kind::state;
  return type;
}

Operation operation(std::string type, std::vector<std::pair<std::string, std::string>> inputs,
                    std::vector<NamedType> outputs) {
  Operation result{.type = std::move(type), .outputs = std::move(outputs)};
  for (auto& [parameter, name] : inputs)
    result.inputs.push_back(Argument{.parameter = parameter, .bindings = {Binding{name}}});
  return result;
}

Program program_of(std::vector<NamedType> inputs, Block block) {
  Program program;
  program.functions.push_back(Function{
      .name = "main", .opset = "CoreML8", .inputs = std::move(inputs), .block = std::move(block)});
  return program;
}

TEST(Interpret, RunsAnOperationOnInputs) {
  const Program program = program_of(
      {{"x", kVector}},
      Block{.outputs = {"y"}, .operations = {operation("relu", {{"x", "x"}}, {{"y", kVector}})}});
  const std::vector inputs{floats({-1, 2})};
  const auto outputs = interpret(program, "main", inputs);
  ASSERT_TRUE(outputs.ok()) << outputs.error().to_string();
  EXPECT_EQ(numbers(outputs->at(0)), (std::vector<double>{0, 2}));

  const std::vector wrong{floats({1, 2, 3})};
  EXPECT_EQ(interpret(program, "main", wrong).error().code, ErrorCode::mismatch);
  EXPECT_EQ(interpret(program, "other", inputs).error().code, ErrorCode::not_found);
}

TEST(Interpret, StoresHalvesAsSinglesWithoutRounding) {
  const ValueType half = ValueType::of(DType::fp16, {1});
  const Program program = program_of(
      {{"x", half}},
      Block{.outputs = {"y"}, .operations = {operation("relu", {{"x", "x"}}, {{"y", half}})}});
  const float third = 1.0f / 3;
  const std::vector inputs{floats({third})};
  const auto kept = interpret(program, "main", inputs, {}, false);
  ASSERT_TRUE(kept.ok()) << kept.error().to_string();
  EXPECT_EQ(kept->at(0).dtype(), DType::fp32);
  EXPECT_EQ(kept->at(0).at(0), static_cast<double>(third));
  EXPECT_EQ(interpret(program, "main", inputs).error().code, ErrorCode::mismatch);
  const std::vector halves{inputs[0].converted(DType::fp16)};
  const auto rounded = interpret(program, "main", halves);
  ASSERT_TRUE(rounded.ok()) << rounded.error().to_string();
  EXPECT_EQ(rounded->at(0).dtype(), DType::fp16);
}

TEST(Interpret, ReadsAndWritesStatesInProgramOrder) {
  const Program program = program_of(
      {{"s", state_of(kVector)}, {"x", kVector}},
      Block{.outputs = {"before", "after"},
            .operations = {operation("read_state", {{"input", "s"}}, {{"before", kVector}}),
                           operation("write_state", {{"data", "x"}, {"input", "s"}}, {}),
                           operation("read_state", {{"input", "s"}}, {{"after", kVector}})}});
  std::vector states{floats({5, 6})};
  const std::vector inputs{floats({1, 2})};
  const auto outputs = interpret(program, "main", inputs, states);
  ASSERT_TRUE(outputs.ok()) << outputs.error().to_string();
  EXPECT_EQ(numbers(outputs->at(0)), (std::vector<double>{5, 6}));
  EXPECT_EQ(numbers(outputs->at(1)), (std::vector<double>{1, 2}));
  EXPECT_EQ(numbers(states[0]), (std::vector<double>{1, 2}));
  states[0].set(0, 9);
  EXPECT_EQ(outputs->at(1).at(0), 1);
  EXPECT_EQ(inputs[0].at(0), 1);
}

TEST(Interpret, CondTakesOneBranchAndSeesOuterValues) {
  const auto branch = [](std::string name) { return Block{.outputs = {std::move(name)}}; };
  Operation cond = operation("cond", {{"pred", "p"}}, {{"y", kVector}});
  cond.blocks = {branch("a"), branch("b")};
  const ValueType flag = ValueType::of(DType::bool_, {});
  const Program program = program_of({{"p", flag}, {"a", kVector}, {"b", kVector}},
                                     Block{.outputs = {"y"}, .operations = {cond}});
  for (const bool predicate : {true, false}) {
    const std::vector inputs{make_bool(predicate).tensor, floats({1, 2}), floats({3, 4})};
    const auto outputs = interpret(program, "main", inputs);
    ASSERT_TRUE(outputs.ok()) << outputs.error().to_string();
    EXPECT_EQ(outputs->at(0).at(0), predicate ? 1 : 3);
  }
}

/// Two variables swap places; the loop ends when the first is false.
Program swapping_loop() {
  const ValueType flag = ValueType::of(DType::bool_, {});
  Operation loop{.type = "while_loop", .outputs = {{"c", flag}, {"d", flag}}};
  loop.inputs.push_back(Argument{
      .parameter = "loop_vars", .bindings = {Binding{"a"}, Binding{"b"}}, .is_tuple = true});
  const std::vector<NamedType> variables{{"u", flag}, {"v", flag}};
  loop.blocks = {Block{.inputs = variables, .outputs = {"u"}},
                 Block{.inputs = variables, .outputs = {"v", "u"}}};
  return program_of({{"a", flag}, {"b", flag}}, Block{.outputs = {"c", "d"}, .operations = {loop}});
}

TEST(Interpret, WhileLoopCarriesItsVariables) {
  const std::vector inputs{make_bool(true).tensor, make_bool(false).tensor};
  const auto outputs = interpret(swapping_loop(), "main", inputs);
  ASSERT_TRUE(outputs.ok()) << outputs.error().to_string();
  EXPECT_EQ(outputs->at(0).at(0), 0);
  EXPECT_EQ(outputs->at(1).at(0), 1);
}

TEST(Interpret, ALoopWithoutEndIsAnError) {
  const std::vector inputs{make_bool(true).tensor, make_bool(true).tensor};
  EXPECT_EQ(interpret(swapping_loop(), "main", inputs).error().code, ErrorCode::limit);
}

TEST(Interpret, NamesTheOperationThatCannotRun) {
  const Program unknown = program_of(
      {{"x", kVector}},
      Block{.outputs = {"y"}, .operations = {operation("fold_time", {}, {{"y", kVector}})}});
  const std::vector inputs{floats({1, 2})};
  const auto outputs = interpret(unknown, "main", inputs);
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::unsupported);
  EXPECT_EQ(outputs.error().to_string(),
            "function 'main': op 0 'y' (fold_time): op 'fold_time' is not known");

  const Program undefined = program_of(
      {{"x", kVector}},
      Block{.outputs = {"y"}, .operations = {operation("relu", {{"x", "z"}}, {{"y", kVector}})}});
  EXPECT_EQ(interpret(undefined, "main", inputs).error().code, ErrorCode::mismatch);
}

}  // namespace
}  // namespace anemone::mil
