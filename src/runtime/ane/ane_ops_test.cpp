#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/float16.h"
#include "kernels/ane/accumulator.h"
#include "kernels/ane/functions.h"
#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

namespace ane = kernels::ane;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

std::vector<double> normal_halves(int64_t count, double deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<double>(fp16_to_float(double_to_fp16(normal(random)))));
  return values;
}

std::string tensor_text(const std::string& shape, const std::vector<double>& values) {
  return fmt::format("tensor<fp16, {}>([{}])", shape, fmt::join(values, ", "));
}

std::string kernel_of(PlannedProgram& program, const std::string& name) {
  for (const KernelChoice& choice : program.plan().choices)
    if (choice.operation == name) return choice.kernel;
  return "";
}

double dot(const std::vector<double>& x, const std::vector<double>& y, double bias = 0) {
  ane::Accumulator sum(double_to_fp16(bias));
  for (size_t i = 0; i < x.size(); ++i) sum.add_product(double_to_fp16(x[i]), double_to_fp16(y[i]));
  return static_cast<double>(fp16_to_float(sum.result()));
}

std::vector<double> part(const std::vector<double>& values, size_t first, size_t count,
                         size_t stride = 1) {
  std::vector<double> result;
  for (size_t i = 0; i < count; ++i) result.push_back(values[first + i * stride]);
  return result;
}

std::vector<double> only(const std::vector<Tensor>& outputs) {
  return outputs.size() == 1 ? numbers(outputs[0]) : std::vector<double>{};
}

class AneOps : public testing::TestWithParam<const kernels::KernelSet*> {
 protected:
  PlannedProgram planned(const std::string& inputs, const std::string& body, int threads = 1) {
    return PlannedProgram(function_text(inputs, body, "y"), Numerics::ane, {}, threads, GetParam());
  }
};

TEST_P(AneOps, LinearSumsInFixedPoint) {
  constexpr int64_t kDepth = 1500;  // more than one block
  const auto weights = normal_halves(3 * kDepth, 1, 1);
  const auto x = normal_halves(2 * kDepth, 1, 2);
  const std::vector<double> bias = {0.5, -100, 3};
  for (const int threads : {1, 3}) {
    PlannedProgram program =
        planned(fmt::format("tensor<fp16, [2, {}]> x", kDepth),
                fmt::format("tensor<fp16, [3, {0}]> w = const()[val = {1}];\n"
                            "tensor<fp16, [3]> b = const()[val = {2}];\n"
                            "tensor<fp16, [2, 3]> y = linear(x = x, weight = w, bias = b);",
                            kDepth, tensor_text(fmt::format("[3, {}]", kDepth), weights),
                            tensor_text("[3]", bias)),
                threads);
    ASSERT_EQ(program.error(), "");
    EXPECT_EQ(kernel_of(program, "y"), "ane product");
    const auto y = only(program.run({x}));
    ASSERT_EQ(y.size(), 6u);
    for (size_t row = 0; row < 2; ++row)
      for (size_t column = 0; column < 3; ++column)
        EXPECT_EQ(y[row * 3 + column], dot(part(x, row * kDepth, kDepth),
                                           part(weights, column * kDepth, kDepth), bias[column]));
  }
}

TEST_P(AneOps, SumsThatPassTheLimitStayInfinite) {
  PlannedProgram program =
      planned("tensor<fp16, [1, 4]> x",
              "tensor<fp16, [2, 4]> w = const()[val = tensor<fp16, [2, 4]>([128, 128, -128, -128, "
              "128, -128, 128, -128])];\n"
              "tensor<fp16, [1, 2]> y = linear(x = x, weight = w);");
  EXPECT_EQ(only(program.run({{128, 128, 128, 128}})), (std::vector<double>{kInfinite, 0}));
}

/// How a sum turned out that a bound cannot decide: its partial sums, in order, did.
struct InOrder {
  size_t finite = 0;
  size_t infinite = 0;

  void count(const std::vector<double>& x, const std::vector<double>& y, double sum) {
    double magnitudes = 0;
    for (size_t i = 0; i < x.size(); ++i) magnitudes += std::fabs(x[i] * y[i]);
    constexpr double kSurelyUncertain =
        1.01 * static_cast<double>(kernels::AneKernels::kCertain) / ane::kUnitsInOne;
    if (magnitudes > kSurelyUncertain) ++(std::isinf(sum) ? infinite : finite);
  }
};

// Rows of all magnitudes, more than are taken at a time.
TEST_P(AneOps, RowsAreSummedInOrderWhereTheyMightOverflow) {
  constexpr size_t kRows = 70;
  constexpr size_t kDepth = 8;
  const auto weights = normal_halves(3 * kDepth, 100, 20);
  const std::vector<double> bias = {1000, -20000, 15000};
  std::vector<double> x;
  for (unsigned row = 0; row < kRows; ++row)
    for (const double value : normal_halves(kDepth, row % 3 == 0 ? 1 : 100, 21 + row))
      x.push_back(value);
  PlannedProgram program =
      planned("tensor<fp16, [70, 8]> x",
              "tensor<fp16, [3, 8]> w = const()[val = " + tensor_text("[3, 8]", weights) +
                  "];\ntensor<fp16, [3]> b = const()[val = " + tensor_text("[3]", bias) +
                  "];\ntensor<fp16, [70, 3]> y = linear(x = x, weight = w, bias = b);");
  ASSERT_EQ(program.error(), "");
  const auto y = only(program.run({x}));
  ASSERT_EQ(y.size(), kRows * 3);
  InOrder in_order;
  for (size_t row = 0; row < kRows; ++row)
    for (size_t column = 0; column < 3; ++column) {
      const auto a = part(x, row * kDepth, kDepth);
      const auto b = part(weights, column * kDepth, kDepth);
      in_order.count(a, b, y[row * 3 + column]);
      EXPECT_EQ(y[row * 3 + column], dot(a, b, bias[column])) << row << ", " << column;
    }
  EXPECT_GT(in_order.finite, 20u);
  EXPECT_GT(in_order.infinite, 20u);
  EXPECT_LT(in_order.finite + in_order.infinite, kRows * 3);
}

TEST_P(AneOps, PlacesOfConvolutionsAreSummedInOrderWhereTheyMightOverflow) {
  const auto weights = normal_halves(5 * 6, 100, 22);
  const auto x = normal_halves(2 * 6 * 3, 100, 23);
  const std::vector<double> bias = {1000, -20000, 15000, 0.5, -3};
  PlannedProgram program = planned(
      "tensor<fp16, [2, 6, 1, 3]> x",
      "tensor<fp16, [5, 6, 1, 1]> w = const()[val = " + tensor_text("[5, 6, 1, 1]", weights) +
          "];\ntensor<fp16, [5]> b = const()[val = " + tensor_text("[5]", bias) +
          "];\ntensor<fp16, [2, 5, 1, 3]> y = conv(x = x, weight = w, bias = b);");
  ASSERT_EQ(program.error(), "");
  EXPECT_EQ(kernel_of(program, "y"), "ane product");
  const auto y = only(program.run({x}));
  ASSERT_EQ(y.size(), 30u);
  InOrder in_order;
  for (size_t batch = 0; batch < 2; ++batch)
    for (size_t column = 0; column < 5; ++column)
      for (size_t place = 0; place < 3; ++place) {
        const auto a = part(x, batch * 18 + place, 6, 3);
        const auto b = part(weights, column * 6, 6);
        const double sum = y[(batch * 5 + column) * 3 + place];
        in_order.count(a, b, sum);
        EXPECT_EQ(sum, dot(a, b, bias[column])) << batch << ", " << column << ", " << place;
      }
  EXPECT_GT(in_order.finite, 4u);
  EXPECT_GT(in_order.infinite, 4u);
}

TEST_P(AneOps, ConvolutionsOverChannelsAreProducts) {
  const auto weights = normal_halves(5 * 7, 0.1, 3);
  const auto x = normal_halves(2 * 7 * 3, 0.1, 4);
  PlannedProgram program = planned(
      "tensor<fp16, [2, 7, 1, 3]> x",
      "tensor<fp16, [5, 7, 1, 1]> w = const()[val = " + tensor_text("[5, 7, 1, 1]", weights) +
          "];\ntensor<fp16, [2, 5, 1, 3]> y = conv(x = x, weight = w);");
  ASSERT_EQ(program.error(), "");
  const auto y = only(program.run({x}));
  for (size_t batch = 0; batch < 2; ++batch)
    for (size_t column = 0; column < 5; ++column)
      for (size_t place = 0; place < 3; ++place)
        EXPECT_EQ(y[(batch * 5 + column) * 3 + place],
                  dot(part(x, batch * 21 + place, 7, 3), part(weights, column * 7, 7)));
}

TEST_P(AneOps, MatrixProductsOfActivations) {
  const auto a = normal_halves(2 * 3 * 20, 0.05, 5);
  const auto b = normal_halves(2 * 4 * 20, 0.05, 6);
  const auto c = normal_halves(1 * 4 * 6, 0.05, 7);
  PlannedProgram program =
      planned("tensor<fp16, [2, 3, 20]> a, tensor<fp16, [2, 4, 20]> b, tensor<fp16, [1, 4, 6]> c",
              "tensor<fp16, [2, 3, 4]> s = matmul(x = a, y = b, transpose_y = bool(true));\n"
              "tensor<fp16, [2, 3, 6]> y = matmul(x = s, y = c);");
  ASSERT_EQ(program.error(), "");
  const auto y = only(program.run({a, b, c}));
  for (size_t batch = 0; batch < 2; ++batch)
    for (size_t row = 0; row < 3; ++row) {
      std::vector<double> scores;
      for (size_t key = 0; key < 4; ++key)
        scores.push_back(
            dot(part(a, (batch * 3 + row) * 20, 20), part(b, (batch * 4 + key) * 20, 20)));
      for (size_t column = 0; column < 6; ++column)
        EXPECT_EQ(y[(batch * 3 + row) * 6 + column], dot(scores, part(c, column, 4, 6)));
    }
}

TEST_P(AneOps, AttentionIsNotFused) {
  PlannedProgram program = planned(
      "tensor<fp16, [1, 2, 3, 8]> q, tensor<fp16, [1, 2, 4, 8]> k, tensor<fp16, [1, 2, 4, 8]> v",
      "tensor<fp16, [1, 2, 3, 4]> s = matmul(x = q, y = k, transpose_y = bool(true));\n"
      "tensor<fp16, [1, 2, 3, 4]> p = softmax(x = s, axis = int32(-1));\n"
      "tensor<fp16, [1, 2, 3, 8]> y = matmul(x = p, y = v);");
  ASSERT_EQ(program.error(), "");
  EXPECT_EQ(kernel_of(program, "s"), "ane product");
  EXPECT_EQ(kernel_of(program, "p"), "ane softmax");
  EXPECT_EQ(kernel_of(program, "y"), "ane product");
}

TEST_P(AneOps, ElementwiseOpsRoundHalvesAwayAndHaveAllOfFp16sRange) {
  PlannedProgram sum = planned("tensor<fp16, [6]> a, tensor<fp16, [6]> b",
                               "tensor<fp16, [6]> y = add(x = a, y = b);");
  EXPECT_EQ(kernel_of(sum, "y"), "ane rounding");
  const double unit = std::ldexp(1, -24);
  EXPECT_EQ(only(sum.run(
                {{2048, 65504, 40000, 16384, unit, kInfinite}, {1, 0, 1, 16384, 0, -kInfinite}})),
            (std::vector<double>{2050, 65504, 40000, 32768, unit, 0}));
  PlannedProgram product = planned("tensor<fp16, [3]> a, tensor<fp16, [3]> b",
                                   "tensor<fp16, [3]> y = mul(x = a, y = b);");
  EXPECT_EQ(only(product.run({{256, std::ldexp(1, -12), kInfinite}, {256, std::ldexp(1, -12), 0}})),
            (std::vector<double>{kInfinite, unit, 0}));
}

TEST_P(AneOps, FunctionsAreTables) {
  for (const auto& [op, function] :
       {std::pair{"sigmoid", ane::Function::sigmoid}, std::pair{"silu", ane::Function::silu},
        std::pair{"exp", ane::Function::exp}, std::pair{"tanh", ane::Function::tanh},
        std::pair{"gelu", ane::Function::gelu}, std::pair{"erf", ane::Function::erf},
        std::pair{"sqrt", ane::Function::sqrt}, std::pair{"sin", ane::Function::sin},
        std::pair{"cos", ane::Function::cos}}) {
    PlannedProgram program =
        planned("tensor<fp16, [300]> x", fmt::format("tensor<fp16, [300]> y = {}(x = x);", op));
    ASSERT_EQ(program.error(), "") << op;
    EXPECT_EQ(kernel_of(program, "y"), "ane table") << op;
    const auto x = normal_halves(300, 3, 8);
    const auto y = only(program.run({x}));
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(y[i],
                static_cast<double>(fp16_to_float(ane::apply(function, double_to_fp16(x[i])))))
          << op << " " << x[i];
  }
  PlannedProgram program =
      planned("tensor<fp16, [1]> x", "tensor<fp16, [1]> y = rsqrt(x = x, epsilon = fp16(0.25));");
  EXPECT_EQ(only(program.run({{3.75}})), (std::vector<double>{0.5}));
}

TEST_P(AneOps, SoftmaxAlongAnyAxis) {
  PlannedProgram program = planned("tensor<fp16, [2, 4, 3]> x",
                                   "tensor<fp16, [2, 4, 3]> y = softmax(x = x, axis = int32(1));");
  const auto x = normal_halves(24, 2, 9);
  const auto y = only(program.run({x}));
  for (size_t batch = 0; batch < 2; ++batch)
    for (size_t place = 0; place < 3; ++place) {
      std::vector<uint16_t> row;
      for (const double value : part(x, batch * 12 + place, 4, 3))
        row.push_back(double_to_fp16(value));
      ane::softmax(row, row);
      for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(y[batch * 12 + i * 3 + place], static_cast<double>(fp16_to_float(row[i])));
    }
}

TEST_P(AneOps, OtherSumsMeetTheLimitWhenTheyAreFinished) {
  PlannedProgram program =
      planned("tensor<fp16, [1, 1, 3]> x",
              "tensor<fp16, [1, 1, 2]> w = const()[val = tensor<fp16, [1, 1, 2]>([128, 128])];\n"
              "tensor<fp16, [1, 1, 2]> y = conv(x = x, weight = w);");
  ASSERT_EQ(program.error(), "");
  EXPECT_EQ(kernel_of(program, "y"), "ane sum");
  EXPECT_EQ(only(program.run({{100, 100, 200}})), (std::vector<double>{25600, kInfinite}));
}

TEST_P(AneOps, MeansAreRoundedOnceAndHaveNoLimit) {
  PlannedProgram program =
      planned("tensor<fp16, [1, 3]> x",
              "tensor<fp16, [1, 1]> y = reduce_sum(x = x, axes = tensor<int32, [1]>([1]), "
              "keep_dims = bool(true));");
  EXPECT_EQ(kernel_of(program, "y"), "ane rounding");
  EXPECT_EQ(only(program.run({{2048, 0.5, 0.5}})), (std::vector<double>{2050}));
  EXPECT_EQ(only(program.run({{20000, 20000, 0}})), (std::vector<double>{40000}));
}

TEST_P(AneOps, WhatIsNotFp16RunsElsewhere) {
  PlannedProgram program = planned("tensor<fp32, [2]> a, tensor<fp32, [2]> b",
                                   "tensor<fp32, [2]> y = add(x = a, y = b);");
  EXPECT_EQ(kernel_of(program, "y"), "reference");
  EXPECT_EQ(only(program.run({{2048, 100000}, {1, 0.5}})), (std::vector<double>{2049, 100000.5}));
}

TEST_P(AneOps, MovesAndChoicesAreThoseOfEveryArithmetic) {
  PlannedProgram program =
      planned("tensor<fp16, [2, 3]> x",
              "tensor<fp16, [3, 2]> t = transpose(x = x, perm = tensor<int32, [2]>([1, 0]));\n"
              "tensor<fp16, [3, 2]> y = maximum(x = t, y = fp16(1));");
  EXPECT_NE(kernel_of(program, "t"), "reference");
  EXPECT_EQ(only(program.run({{0, 2, 4, 1, 3, 5}})), (std::vector<double>{1, 1, 2, 3, 4, 5}));
}

std::vector<const kernels::KernelSet*> all_sets() {
  std::vector<const kernels::KernelSet*> sets;
  for (const kernels::KernelSet& set : kernels::kernel_sets()) sets.push_back(&set);
  return sets;
}

INSTANTIATE_TEST_SUITE_P(Isas, AneOps, testing::ValuesIn(all_sets()),
                         [](const auto& set) { return std::string(set.param->isa); });

}  // namespace
}  // namespace anemone::runtime
