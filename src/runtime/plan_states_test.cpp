#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

const char* const kInputs =
    "state<tensor<fp16, [4, 3]>> s, tensor<fp16, [1, 3]> u, tensor<int32, [2]> b";

std::string update(const std::string& result, const std::string& x, int row,
                   const std::string& data = "u") {
  return fmt::format(
      "tensor<fp16, [4, 3]> {} = slice_update(x = {}, update = {}, begin = tensor<int32, "
      "[2]>([{}, 0]), end = tensor<int32, [2]>([{}, 3]));\n",
      result, x, data, row, row + 1);
}
std::string read(const std::string& result) {
  return "tensor<fp16, [4, 3]> " + result + " = read_state(input = s);\n";
}
std::string write(const std::string& data) {
  return "write_state(data = " + data + ", input = s);\n";
}
std::string row(const std::string& result, const std::string& x, int first, int count = 1) {
  return fmt::format(
      "tensor<fp16, [{}, 3]> {} = slice_by_index(x = {}, begin = tensor<int32, [2]>([{}, 0]), end "
      "= "
      "tensor<int32, [2]>([{}, 3]));\n",
      count, result, x, first, first + count);
}
std::string twice(const std::string& result, const std::string& x, int rows = 4) {
  return fmt::format("tensor<fp16, [{}, 3]> {} = add(x = {}, y = {});\n", rows, result, x, x);
}

/// Runs three times beside the interpreter; outputs and states must be equal.
void expect_like_interpreter(PlannedProgram& planned) {
  ASSERT_EQ(planned.error(), "");
  for (int i = 0; i < 3; ++i) {
    const double v = i + 1;
    const std::vector<std::vector<double>> inputs = {{v, 10 * v, -v}, {static_cast<double>(i), 0}};
    const auto got = planned.run(inputs);
    const auto expected = planned.interpret(inputs);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t o = 0; o < got.size(); ++o)
      ASSERT_EQ(numbers(got[o]), numbers(expected[o])) << "run " << i << ", output " << o;
    ASSERT_EQ(numbers(planned.state().tensors()[0].tensor), numbers(planned.oracle_states()[0]))
        << "run " << i;
  }
}

TEST(PlanStates, S4_23_UpdatesAStateInPlace) {
  PlannedProgram planned(function_text(
      kInputs,
      read("a") + update("a1", "a", 1) + write("a1") + read("c") + row("r", "c", 0, 2) +
          twice("y", "r", 2) + update("c1", "c", 3) + write("c1") + read("d") + twice("z", "d"),
      "y, z"));
  expect_like_interpreter(planned);
  EXPECT_EQ(planned.count_steps(StepKind::update), 2);
  EXPECT_EQ(planned.count_steps(StepKind::copy), 0);
}

TEST(PlanStates, TheStateIsLeftAloneWithoutAWrite) {
  PlannedProgram planned(
      function_text(kInputs, read("a") + update("a1", "a", 1) + twice("y", "a1"), "y"));
  expect_like_interpreter(planned);
  EXPECT_EQ(planned.count_steps(StepKind::update), 0);
}

TEST(PlanStates, AReaderOfTheOldValueForcesACopy) {
  PlannedProgram planned(function_text(
      kInputs, read("a") + update("a1", "a", 1) + write("a1") + twice("y", "a"), "y"));
  expect_like_interpreter(planned);
  EXPECT_EQ(planned.count_steps(StepKind::update), 1);
  EXPECT_EQ(planned.count_steps(StepKind::copy), 1);
}

TEST(PlanStates, OnlyTheSliceThatIsReadLateIsCopied) {
  PlannedProgram planned(function_text(
      kInputs,
      read("a") + row("r", "a", 1) + update("a1", "a", 1) + write("a1") + twice("y", "r", 1), "y"));
  expect_like_interpreter(planned);
  ASSERT_EQ(planned.count_steps(StepKind::copy), 1);
  for (const Step& step : planned.plan().steps) {
    if (step.kind == StepKind::copy) {
      EXPECT_EQ(planned.plan().values[static_cast<size_t>(step.first_output)].name, "r");
    }
  }
}

TEST(PlanStates, RowsMayMoveInsideTheState) {
  PlannedProgram planned(function_text(kInputs,
                                       read("a") + row("r", "a", 1, 3) +
                                           "tensor<fp16, [4, 3]> a1 = slice_update(x = a, update = "
                                           "r, begin = tensor<int32, [2]>([0, "
                                           "0]), end = tensor<int32, [2]>([3, 3]));\n" +
                                           update("a2", "a1", 3) + write("a2") + read("c") +
                                           twice("y", "c"),
                                       "y"));
  expect_like_interpreter(planned);
  EXPECT_EQ(planned.count_steps(StepKind::update), 2);
}

TEST(PlanStates, AResultThatIsReadAfterTheNextUpdateIsNotMadeInPlace) {
  PlannedProgram planned(function_text(kInputs,
                                       read("a") + update("a1", "a", 1) + write("a1") + read("c") +
                                           update("c1", "c", 1) + update("c2", "c1", 2) +
                                           write("c2") + twice("y", "a1"),
                                       "y"));
  expect_like_interpreter(planned);
}

TEST(PlanStates, AReadBetweenUpdateAndWriteSeesTheOldValue) {
  PlannedProgram planned(function_text(
      kInputs, read("a") + update("a1", "a", 1) + read("c") + write("a1") + twice("y", "c"), "y"));
  expect_like_interpreter(planned);
}

TEST(PlanStates, OutputsDoNotChangeWithTheState) {
  PlannedProgram planned(
      function_text(kInputs, read("a") + update("a1", "a", 1) + write("a1") + read("c"), "c"));
  const auto first = planned.run({{1, 2, 3}, {0, 0}});
  const Tensor* output = planned.runner().output("c");
  const std::vector<double> before = numbers(*output);
  planned.state().reset();
  EXPECT_EQ(numbers(*output), before);
}

TEST(PlanStates, BoundsMayBeKnownOnlyWhileRunning) {
  PlannedProgram planned(function_text(
      kInputs,
      "tensor<int32, [2]> e = add(x = b, y = tensor<int32, [2]>([1, 3]));\n" + read("a") +
          "tensor<fp16, [4, 3]> a1 = slice_update(x = a, update = u, begin = b, end = e);\n" +
          write("a1") + read("c") + twice("y", "c"),
      "y"));
  expect_like_interpreter(planned);
  EXPECT_EQ(planned.count_steps(StepKind::update), 1);
  planned.fill({{1, 2, 3}, {4, 0}});
  const Status status = planned.runner().run(&planned.state());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::out_of_range);
}

TEST(PlanStates, RandomProgramsAreLikeTheInterpreter) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](size_t count) {
      return std::uniform_int_distribution<size_t>(0, count - 1)(random);
    };
    std::string body = read("v0");
    std::vector<std::string> full = {"v0"};  // [4, 3]
    std::vector<std::string> rows = {"u"};   // [1, 3]
    for (int i = 1; i < 14; ++i) {
      const std::string name = fmt::format("v{}", i);
      const std::string& x = full[pick(2) == 0 ? full.size() - 1 : pick(full.size())];
      switch (pick(6)) {
        case 0:
          body += read(name);
          full.push_back(name);
          break;
        case 1:
          body += write(x);
          break;
        case 2:
        case 3:
          body += update(name, x, static_cast<int>(pick(4)), rows[pick(rows.size())]);
          full.push_back(name);
          break;
        case 4:
          body += row(name, x, static_cast<int>(pick(4)));
          rows.push_back(name);
          break;
        case 5:
          body += twice(name, x);
          full.push_back(name);
          break;
      }
    }
    PlannedProgram planned(function_text(kInputs, body,
                                         full[pick(full.size())] + ", " + full.back() + ", " +
                                             rows[rows.size() / 2] + ", " + rows.back()));
    expect_like_interpreter(planned);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << "\n" << body;
  }
}

}  // namespace
}  // namespace anemone::runtime
