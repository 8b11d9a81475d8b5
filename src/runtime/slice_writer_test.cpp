// Updates of slices in place leave the states that the interpreter leaves, wherever they lie.

#include "runtime/slice_writer.h"

#include <gtest/gtest.h>

#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

/// A state [3, 5, 4] takes `block` numbers from `begin` to `end`, which are inputs.
std::string program(const std::string& block, const std::string& more = "") {
  return function_text("state<tensor<fp16, [3, 5, 4]>> cache, tensor<fp16, " + block +
                           "> block, tensor<int32, [3]> begin, tensor<int32, [3]> end",
                       "tensor<fp16, [3, 5, 4]> before = read_state(input = cache);\n"
                       "tensor<fp16, [3, 5, 4]> after = slice_update(x = before, update = block, "
                       "begin = begin, end = end" +
                           more +
                           ");\n"
                           "write_state(data = after, input = cache);\n"
                           "tensor<fp16, " +
                           block + "> same = relu(x = block);",
                       "same");
}

void expect_like_interpreter(const std::string& text, int64_t numbers_in_block, bool is_planned,
                             const std::vector<std::vector<double>>& bounds) {
  for (const auto& begin_and_end : bounds) {
    PlannedProgram one(text);
    ASSERT_EQ(one.error(), "");
    ASSERT_EQ(one.count_steps(StepKind::update), 1);
    for (const Step& step : one.plan().steps) {
      if (step.kind != StepKind::update) continue;
      EXPECT_EQ(step.slice != nullptr, is_planned) << text;
    }
    std::vector<double> block;
    for (int64_t i = 0; i < numbers_in_block; ++i) block.push_back(static_cast<double>(i + 1));
    const std::vector<std::vector<double>> inputs = {
        block,
        {begin_and_end.begin(), begin_and_end.begin() + 3},
        {begin_and_end.begin() + 3, begin_and_end.end()}};
    one.run(inputs);
    one.interpret(inputs);
    EXPECT_EQ(numbers(one.state().tensors()[0].tensor), numbers(one.oracle_states()[0])) << text;
  }
}

TEST(SliceWriter, WritesWhereBoundsSay) {
  expect_like_interpreter(program("[2, 3, 4]"), 24, true,
                          {{0, 0, 0, 2, 3, 4}, {1, 2, 0, 3, 5, 4}, {-2, -3, -4, 3, 5, 4}});
  expect_like_interpreter(program("[3, 1, 2]"), 6, true, {{0, 4, 1, 3, 5, 3}, {0, 0, 2, 9, 1, 4}});
}

TEST(SliceWriter, MasksStandForTheEnds) {
  expect_like_interpreter(
      program("[3, 2, 4]",
              ", begin_mask = tensor<bool, [3]>([true, false, false]), end_mask = tensor<bool, "
              "[3]>([true, false, true])"),
      24, true, {{1, 1, 0, 1, 3, 1}, {0, 3, 0, 0, 5, 0}});
}

TEST(SliceWriter, StridesAreLeftToTheOperation) {
  expect_like_interpreter(program("[3, 2, 4]", ", stride = tensor<int32, [3]>([1, 2, 1])"), 24,
                          false, {{0, 1, 0, 3, 5, 4}});
}

TEST(SliceWriter, BoundsThatDoNotFitAreAnError) {
  PlannedProgram one(program("[1, 1, 4]"));
  one.fill({{1, 2, 3, 4}, {0, 0, 0}, {1, 2, 4}});
  const Status status = one.runner().run(&one.state());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::out_of_range);
  for (const double value : numbers(one.state().tensors()[0].tensor)) EXPECT_EQ(value, 0);
}

}  // namespace
}  // namespace anemone::runtime
