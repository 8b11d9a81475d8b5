#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

TEST(Runner, FoldsWhatIsKnownBeforehand) {
  PlannedProgram planned(
      function_text(
          "tensor<fp32, [?, 4]> x",
          "tensor<int32, [2]> n = shape(x = x);\n"
          "int32 rows = gather(axis = int32(0), batch_dims = int32(0), indices = int32(0), "
          "validate_indices = bool(false), x = n);\n"
          "tensor<int32, [1]> first = expand_dims(axes = tensor<int32, [1]>([0]), x = rows);\n"
          "tensor<int32, [3]> target = concat(axis = int32(0), interleave = bool(false), values = "
          "(first, tensor<int32, [2]>([2, 2])));\n"
          "tensor<fp32, [?, 2, 2]> y = reshape(shape = target, x = x);\n"
          "tensor<fp32, [?, 2, 2]> z = relu(x = y);",
          "z"),
      Numerics::fp16, {Shape{3, 4}});
  ASSERT_EQ(planned.error(), "");
  EXPECT_EQ(planned.plan().steps.size(), 1u) << "only relu is left";
  std::vector<double> x(12, -1.0);
  x[5] = 2.5;
  const auto outputs = planned.run({x});
  EXPECT_EQ(outputs[0].shape(), (Shape{3, 2, 2}));
  EXPECT_EQ(outputs[0].at(5), 2.5);
  EXPECT_EQ(outputs[0].at(4), 0.0);
}

TEST(Runner, RunsWhatIsKnownOnlyWhileRunning) {
  PlannedProgram planned(function_text(
      "tensor<fp32, [5]> x",
      "tensor<int32, [?, 1]> places = non_zero(x = x);\n"
      "tensor<int32, [?]> flat = squeeze(axes = tensor<int32, [1]>([1]), x = places);\n"
      "tensor<fp32, [?]> picked = gather(axis = int32(0), batch_dims = int32(0), indices = flat, "
      "validate_indices = bool(false), x = x);\n"
      "tensor<fp32, [1]> total = reduce_sum(axes = tensor<int32, [1]>([0]), keep_dims = "
      "bool(true), "
      "x = picked);\n"
      "tensor<fp32, [1]> y = add(x = total, y = total);",
      "picked, y"));
  for (const std::vector<double>& x :
       {std::vector<double>{0, 1, 0, 2, 3}, std::vector<double>{4, 0, 0, 0, 0}}) {
    const auto got = planned.run({x});
    const auto expected = planned.interpret({x});
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].shape(), expected[0].shape());
    EXPECT_EQ(numbers(got[0]), numbers(expected[0]));
    EXPECT_EQ(numbers(got[1]), numbers(expected[1]));
  }
}

TEST(Runner, RunsNestedBlocks) {
  PlannedProgram planned(function_text(
      "tensor<fp32, [2]> x, bool up",
      "fp32 one = const()[val = fp32(1)];\n"
      "tensor<fp32, [2]> moved = cond(pred = up) () {\n"
      "  tensor<fp32, [2]> a = add(x = x, y = one);\n"
      "} -> (a) () {\n"
      "  tensor<fp32, [2]> b = sub(x = x, y = one);\n"
      "} -> (b);\n"
      "int32 zero = const()[val = int32(0)];\n"
      "int32 n, tensor<fp32, [2]> grown = while_loop(loop_vars = (zero, moved)) (int32 i, "
      "tensor<fp32, [2]> v) {\n"
      "  bool go = less(x = i, y = int32(3));\n"
      "} -> (go) (int32 i2, tensor<fp32, [2]> v2) {\n"
      "  int32 next = add(x = i2, y = int32(1));\n"
      "  tensor<fp32, [2]> w = add(x = v2, y = x);\n"
      "} -> (next, w);\n"
      "tensor<fp32, [2]> y = add(x = grown, y = moved);",
      "y, n"));
  for (const double up : {0.0, 1.0}) {
    const auto got = planned.run({{5, -2}, {up}});
    const auto expected = planned.interpret({{5, -2}, {up}});
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(numbers(got[0]), numbers(expected[0]));
    EXPECT_EQ(numbers(got[1]), numbers(expected[1]));
  }
}

TEST(Runner, ListsGrowWhileRunning) {
  PlannedProgram planned(function_text(
      "tensor<fp32, [2]> x, int32 n",
      "list<tensor<fp32, [2]>, 1> start = make_list(elem_shape = (int32(2)));\n"
      "tensor<fp32, [2]> zeros = list_read(index = int32(0), ls = start);\n"
      "int32 count, list<tensor<fp32, [2]>, 1> filled = while_loop(loop_vars = (int32(0), start)) "
      "(int32 i, list<tensor<fp32, [2]>, 1> l) {\n"
      "  bool go = less(x = i, y = n);\n"
      "} -> (go) (int32 i, list<tensor<fp32, [2]>, 1> l) {\n"
      "  list<tensor<fp32, [2]>, 1> longer = list_write(index = i, ls = l, value = x);\n"
      "  int32 next = add(x = i, y = int32(1));\n"
      "} -> (next, longer);\n"
      "list<tensor<fp32, [2]>, 1> last = list_write(index = int32(4), ls = filled, value = x);\n"
      "int32 length = list_length(ls = last);\n"
      "tensor<int32, [?]> all = range_1d(end = length, start = int32(0), step = int32(1));\n"
      "tensor<fp32, [?, 2]> y = list_gather(indices = all, ls = last);",
      "zeros, y"));
  ASSERT_EQ(planned.error(), "");
  for (const double n : {1.0, 2.0, 6.0}) {
    const auto got = planned.run({{3, -4}, {n}});
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(numbers(got[0]), (std::vector<double>{0, 0}));
    std::vector<double> expected;
    for (double i = 0; i < std::max(n, 5.0); ++i) {
      const bool written = i < n || i == 4;
      expected.insert(expected.end(), {written ? 3.0 : 0.0, written ? -4.0 : 0.0});
    }
    EXPECT_EQ(numbers(got[1]), expected);
  }
}

TEST(Runner, KeepsWideValuesUnderFp32) {
  const std::string text = function_text("tensor<fp16, [1]> x",
                                         "fp16 third = const()[val = fp16(0x1.554p-2)];\n"
                                         "tensor<fp16, [1]> y = mul(x = x, y = third);\n"
                                         "tensor<fp16, [1]> z = add(x = y, y = third);",
                                         "z");
  PlannedProgram rounded(text, Numerics::fp16);
  PlannedProgram wide(text, Numerics::fp32);
  const double x = 1.0 + 0x1p-10;
  EXPECT_EQ(rounded.run({{x}})[0].dtype(), DType::fp16);
  EXPECT_EQ(wide.run({{x}})[0].dtype(), DType::fp32);
  EXPECT_EQ(wide.run({{x}})[0].at(0), x * 0x1.554p-2 + 0x1.554p-2);
  EXPECT_NE(rounded.run({{x}})[0].at(0), wide.run({{x}})[0].at(0));
  EXPECT_EQ(numbers(rounded.run({{x}})[0]), numbers(rounded.interpret({{x}})[0]));
}

TEST(Runner, OutputsAndInputsStayApart) {
  PlannedProgram planned(
      function_text("tensor<fp32, [2]> x",
                    "tensor<fp32, [2]> c = const()[val = tensor<fp32, [2]>([7, 8])];\n"
                    "tensor<fp32, [1, 2]> y = expand_dims(axes = tensor<int32, [1]>([0]), x = x);",
                    "y, c, x"));
  const auto got = planned.run({{1, 2}});
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(numbers(got[0]), (std::vector<double>{1, 2}));
  EXPECT_EQ(numbers(got[1]), (std::vector<double>{7, 8}));
  planned.runner().input("x")->set(0, 99);
  EXPECT_EQ(planned.runner().output("y")->at(0), 1);
  EXPECT_EQ(planned.runner().output("x")->at(0), 1);
}

TEST(Runner, NamesTheStateThatDoesNotFit) {
  PlannedProgram planned(function_text("state<tensor<fp16, [2]>> s",
                                       "tensor<fp16, [2]> y = read_state(input = s);", "y"));
  EXPECT_EQ(planned.runner().run(nullptr).error().message, "the state has no 's'");
  State narrow({{"s", Tensor::zeros(DType::fp16, {3})}});
  EXPECT_EQ(planned.runner().run(&narrow).error().message,
            "state 's' is fp16 [3], expected fp16 [2]");
}

TEST(Runner, FollowsTheStateItIsGiven) {
  PlannedProgram planned(function_text("state<tensor<fp16, [2]>> s, tensor<fp16, [1]> u",
                                       "tensor<fp16, [2]> a = read_state(input = s);\n"
                                       "tensor<fp16, [2]> b = slice_update(x = a, update = u, "
                                       "begin = tensor<int32, [1]>([1]), end = "
                                       "tensor<int32, [1]>([2]));\n"
                                       "write_state(data = b, input = s);\n"
                                       "tensor<fp16, [2]> y = add(x = b, y = b);",
                                       "y"));
  State one({{"s", Tensor::zeros(DType::fp16, {2})}});
  State two = one.clone();
  planned.fill({{3}});
  ASSERT_TRUE(planned.runner().run(&one).ok());
  planned.fill({{4}});
  ASSERT_TRUE(planned.runner().run(&two).ok());
  EXPECT_EQ(one.tensors()[0].tensor.at(1), 3);
  EXPECT_EQ(two.tensors()[0].tensor.at(1), 4);
  EXPECT_EQ(planned.runner().output("y")->at(1), 8);
}

TEST(Runner, RunsValuesOfUnknownRank) {
  PlannedProgram planned(function_text("tensor<fp32, [2]> x, bool up",
                                       "tensor<fp32, [...]> chosen = cond(pred = up) () {\n"
                                       "} -> (x) () {\n"
                                       "  tensor<fp32, [2, 1]> wide = expand_dims(axes = "
                                       "tensor<int32, [1]>([1]), x = x);\n"
                                       "} -> (wide);\n"
                                       "tensor<fp32, [...]> y = relu(x = chosen);",
                                       "y"));
  ASSERT_EQ(planned.error(), "");
  for (const double up : {0.0, 1.0}) {
    const auto got = planned.run({{-5, 2}, {up}});
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].shape(), up != 0 ? (Shape{2}) : (Shape{2, 1}));
    EXPECT_EQ(numbers(got[0]), (std::vector<double>{0, 2}));
  }
}

/// The verifier refuses these; the planner and a run must not rely on it.
TEST(Runner, RefusesOutputsThatTheOpDoesNotYield) {
  PlannedProgram planned(function_text(
      "tensor<fp32, [2]> x", "tensor<fp32, [2]> y, tensor<fp32, [2]> z = relu(x = x);", "y"));
  EXPECT_NE(planned.error().find("has 2 outputs, the op yields 1"), std::string::npos)
      << planned.error();
  PlannedProgram late(function_text("tensor<fp32, [2]> x, bool up",
                                    "tensor<fp32, [...]> chosen = cond(pred = up) () {\n"
                                    "} -> (x) () {\n} -> (x);\n"
                                    "tensor<fp32, [1]> y = topk(k = int32(1), x = chosen);",
                                    "y"));
  ASSERT_EQ(late.error(), "");
  late.fill({{1, 2}, {1}});
  const Status status = late.runner().run(&late.state());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::mismatch);
  EXPECT_EQ(status.error().message, "has 1 outputs, the op yields 2");
}

/// Of a value of unknown rank the verifier believes the program; steps behind it rely on its dtype.
TEST(Runner, RefusesNumbersOfAnotherDtypeThanTheProgramSays) {
  const char* const chosen =
      "tensor<fp16, [...]> chosen = cond(pred = up) () {\n} -> (x) () {\n} -> (x);\n";
  const std::string inputs = "tensor<fp16, [1, 40]> x, bool up";
  const std::string state = ", state<tensor<fp16, [1, 40]>> s";
  const std::string lie =
      std::string(chosen) +
      "tensor<fp16, [1, 40]> lie = cast(x = chosen, dtype = string(\"int8\"));\n";
  const std::string programs[] = {
      function_text(inputs + state,
                    lie +
                        "tensor<fp16, [1, 40]> before = read_state(input = s);\n"
                        "tensor<fp16, [1, 40]> after = slice_update(x = before, update = lie, "
                        "begin = tensor<int32, [2]>([0, 0]), end = tensor<int32, [2]>([1, 40]));\n"
                        "write_state(data = after, input = s);",
                    "after"),
      function_text(inputs,
                    lie + "tensor<fp16, [2, 40]> y = concat(values = (lie, x), axis = int32(0), "
                          "interleave = bool(false));",
                    "y")};
  for (const std::string& text : programs)
    for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
      PlannedProgram planned(text, numerics, {}, 1, &kernels::kernel_sets().back());
      ASSERT_EQ(planned.error(), "");
      planned.fill({std::vector<double>(40, 3), {1}});
      const Status status = planned.runner().run(&planned.state());
      ASSERT_FALSE(status.ok()) << text;
      EXPECT_EQ(status.error().code, ErrorCode::mismatch);
      EXPECT_EQ(status.error().message, "'lie' holds int8, the program says tensor<fp16, [1, 40]>");
    }
}

TEST(Runner, WidensConstantsOfNestedBlocksUnderFp32) {
  PlannedProgram planned(
      function_text("tensor<fp16, [3]> x, bool up",
                    "tensor<fp16, [3]> chosen = cond(pred = up) () {\n"
                    "  tensor<fp16, [3]> one = const()[val = tensor<fp16, [3]>([1, 2, 3])];\n"
                    "} -> (one) () {\n} -> (x);\n"
                    "tensor<fp16, [3]> y = add(x = chosen, y = x);",
                    "y"),
      Numerics::fp32, {}, 1, &kernels::kernel_sets().back());
  ASSERT_EQ(planned.error(), "");
  EXPECT_EQ(numbers(planned.run({{5, 6, 7}, {1}})[0]), (std::vector<double>{6, 8, 10}));
  EXPECT_EQ(numbers(planned.run({{5, 6, 7}, {0}})[0]), (std::vector<double>{10, 12, 14}));
}

TEST(Runner, RefusesStatesThatAreNotInputs) {
  PlannedProgram planned(
      function_text("bool up, state<tensor<fp32, [2]>> s",
                    "state<tensor<fp32, [2]>> chosen = cond(pred = up) () {\n} -> (s) () {\n} -> "
                    "(s);\n"
                    "tensor<fp32, [2]> y = read_state(input = chosen);",
                    "y"));
  EXPECT_NE(planned.error().find("only inputs of functions are states"), std::string::npos)
      << planned.error();
}

TEST(Runner, TextLeavesAsItIsAndDoesNotEnter) {
  PlannedProgram planned(function_text("tensor<fp32, [1]> x",
                                       "tensor<string, [2]> names = const()[val = tensor<string, "
                                       "[2]>([\"one\", \"two\"])];\n"
                                       "tensor<fp32, [1]> y = relu(x = x);",
                                       "names, y"));
  ASSERT_EQ(planned.error(), "");
  const auto outputs = planned.run({{-1}});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].dtype(), DType::string);
  EXPECT_EQ(outputs[0].strings()[1], "two");
  EXPECT_EQ(outputs[1].at(0), 0.0);
  auto program = mil::parse(function_text("tensor<string, [1]> text, tensor<fp32, [1]> x",
                                          "tensor<fp32, [1]> y = relu(x = x);", "y"));
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  const Shape shapes[] = {Shape{1}, Shape{1}};
  const auto plan =
      make_plan({.function = *program->find_function("main"), .input_shapes = shapes});
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::unsupported);
  EXPECT_NE(plan.error().message.find("input 'text' of function 'main' is text"),
            std::string::npos);
}

TEST(Runner, APlanKeepsItsMemoryLimit) {
  auto program = mil::parse(function_text(
      "tensor<fp32, [256]> x, state<tensor<fp32, [64]>> s",
      "tensor<fp32, [64]> zeros = fill(shape = tensor<int32, [1]>([64]), value = fp32(0));\n"
      "tensor<fp32, [256]> y = relu(x = x);",
      "y, zeros"));
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  const Shape shapes[] = {Shape{256}};
  const auto plan = [&](uint64_t limit) {
    return make_plan({.function = *program->find_function("main"),
                      .input_shapes = shapes,
                      .memory_limit_bytes = limit});
  };
  // x and y of 1024 bytes, zeros, its copy as an output, and the state of 256 bytes each.
  ASSERT_TRUE(plan(2816).ok());
  const auto refused = plan(2815);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::limit);
  EXPECT_EQ(refused.error().message,
            "function 'main' needs at least 2816 bytes of memory besides its weights, the limit is "
            "2815");
  EXPECT_EQ(plan(511).error().message.find("function 'main' needs at least 512 bytes"), 0u)
      << "refused before the constant is computed";
}

}  // namespace
}  // namespace anemone::runtime
