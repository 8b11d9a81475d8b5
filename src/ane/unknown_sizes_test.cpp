#include <gtest/gtest.h>

#include <algorithm>

#include "ane/function_forecast.h"
#include "ane/view_of_text.h"

namespace anemone::ane {
namespace {

const Chip& m4() { return **find_chip("m4"); }

/// Rows that are not zero, how many of them being known at run time only, and ops on them.
FunctionForecast of_rows_that_are_not_zero(const std::string& ops, const std::string& result) {
  const auto model = view_of_text(
      "func main<ios18>(tensor<fp16, [64]> x, tensor<fp16, [64, 2048]> t) {"
      "tensor<int32, [?, 1]> p = non_zero(x = x);"
      "tensor<int32, [?]> j = squeeze(axes = tensor<int32, [1]>([1]), x = p);"
      "tensor<fp16, [?, 2048]> r = gather(axis = int32(0), batch_dims = int32(0), indices = j, "
      "validate_indices = bool(false), x = t);" +
      ops + "} -> (" + result + ");");
  return forecast_function(model->packages[0]->functions[0], m4(), obstacles_in(*model, m4()));
}

TEST(UnknownSizes, ThatDependOnValuesAreJudgedAndNotPlacedThere) {
  const FunctionForecast small =
      of_rows_that_are_not_zero("tensor<fp16, [?, 2048]> y = relu(x = r);", "y");
  EXPECT_TRUE(small.has_unknown_shapes);
  EXPECT_FALSE(small.below_launch_cost);
  EXPECT_EQ(small.operations.back().obstacle, "has a size that depends on values");
  EXPECT_FALSE(of_rows_that_are_not_zero("", "r").below_launch_cost) << "a lookup of any length";
  std::string products;
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    products += "tensor<fp16, [2048, 2048]> w" + n +
                " = fill(shape = tensor<int32, [2]>([2048, 2048]), value = fp16(0x1p-3)); "
                "tensor<fp16, [?, 2048]> y" +
                n + " = matmul(transpose_x = bool(false), transpose_y = bool(false), x = " +
                (i == 0 ? "r" : "y" + std::to_string(i - 1)) + ", y = w" + n + ");";
  }
  const FunctionForecast large = of_rows_that_are_not_zero(products, "y5");
  EXPECT_EQ(large.residency, 0);
  EXPECT_FALSE(large.below_launch_cost);
}

/// Ops on x of [1, T, 2048], of a package that says which T there are.
FunctionForecast of_enumerated(
    const std::vector<int64_t>& lengths,
    const std::string& ops = "tensor<fp16, [1, ?, 2048]> y = relu(x = x);",
    const std::string& result = "y") {
  auto program = mil::parse(
      "program(1.3)\n{\nfunc main<ios18>(tensor<fp16, [1, ?, 2048]> x, tensor<fp16, [4096]> z, "
      "tensor<fp16, [4096, 2048]> t) {" +
      ops + "} -> (" + result + ");\n}");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package::Package package;
  package.program = *std::move(program);
  package.default_function = "main";
  package::FunctionDescription description{.name = "main"};
  package::Feature input{.name = "x"};
  for (const int64_t length : lengths) input.enumerated_shapes.push_back({1, length, 2048});
  description.inputs.push_back(std::move(input));
  package.functions.push_back(std::move(description));
  const auto model = view_of(package);
  return forecast_function(model->packages[0]->functions[0], m4(), {});
}

TEST(UnknownSizes, OfEnumeratedShapesAreSmallWhereTheLongestOfThemIs) {
  EXPECT_TRUE(of_enumerated({1, 64}).below_launch_cost);
  EXPECT_FALSE(of_enumerated({1, 65536}).below_launch_cost);
  EXPECT_FALSE(of_enumerated({}).below_launch_cost) << "nobody says how long";
}

/// The same op so many times, one on the other, from the value `last` on.
std::string repeated(const std::string& op, const std::string& type, int number,
                     std::string& last) {
  std::string ops;
  for (int i = 0; i < number; ++i) {
    const std::string next = "n" + std::to_string(i);
    ops += type;
    ops += " " + next + " = " + op + "x = " + last + ");";
    last = next;
  }
  return ops;
}

constexpr const char* kCumsum =
    "cumsum(axis = int32(0), exclusive = bool(false), reverse = bool(false), ";

TEST(UnknownSizes, OfAFlattenedDimensionAreAllThatItHolds) {
  const auto flattened = [](int64_t length) {
    std::string last = "f";
    const std::string ops =
        "tensor<fp16, [?]> f = reshape(shape = tensor<int32, [1]>([-1]), x = x);" +
        repeated(kCumsum, "tensor<fp16, [?]>", 80, last);
    return of_enumerated({1, length}, ops, last).below_launch_cost;
  };
  EXPECT_TRUE(flattened(2));
  EXPECT_FALSE(flattened(64)) << "131,072 elements, not 64";
  std::string last = "b";
  const std::string back =
      "tensor<fp16, [?]> f = reshape(shape = tensor<int32, [1]>([-1]), x = x);"
      "tensor<fp16, [1, ?, 2048]> b = reshape(shape = tensor<int32, [3]>([1, -1, 2048]), x = f);" +
      repeated("relu(", "tensor<fp16, [1, ?, 2048]>", 2, last);
  EXPECT_TRUE(of_enumerated({1, 64}, back, last).below_launch_cost) << "64 rows again";
}

TEST(UnknownSizes, ThatDependOnValuesAreJudgedBesideAFlexibleInputToo) {
  std::string last = "r";
  const std::string ops =
      "tensor<int32, [?, 1]> p = non_zero(x = z);"
      "tensor<int32, [?]> j = squeeze(axes = tensor<int32, [1]>([1]), x = p);"
      "tensor<fp16, [?, 2048]> r = gather(axis = int32(0), batch_dims = int32(0), indices = j, "
      "validate_indices = bool(false), x = t);" +
      repeated("relu(", "tensor<fp16, [?, 2048]>", 120, last) +
      "tensor<fp16, [1, ?, 2048]> y = relu(x = x);";
  const FunctionForecast forecast = of_enumerated({1, 2}, ops, last);
  EXPECT_FALSE(forecast.below_launch_cost);
  EXPECT_EQ(forecast.residency, 0);
  const auto obstacle_of = [&](std::string_view name) {
    return std::ranges::find(forecast.operations, name, &PlacedOperation::name)->obstacle;
  };
  EXPECT_EQ(obstacle_of("n119"), "has a size that depends on values");
  EXPECT_EQ(obstacle_of("y"), "") << "has the size of its input";
}

TEST(UnknownSizes, ThatComeOfShapesDependOnNoValues) {
  const FunctionForecast forecast = of_enumerated(
      {1, 2},
      "tensor<int32, [3]> s = shape(x = x); tensor<int32, [1]> l = slice_by_index(begin = "
      "tensor<int32, [1]>([1]), end = tensor<int32, [1]>([2]), x = s);"
      "tensor<int32, [1]> a = const()[val = tensor<int32, [1]>([2048])];"
      "tensor<int32, [2]> w = concat(axis = int32(0), interleave = bool(false), values = (l, a));"
      "tensor<fp16, [?, 2048]> y = reshape(shape = w, x = x);");
  EXPECT_TRUE(forecast.below_launch_cost);
  for (const PlacedOperation& op : forecast.operations)
    EXPECT_NE(op.obstacle, "has a size that depends on values") << op.name;
}

}  // namespace
}  // namespace anemone::ane
