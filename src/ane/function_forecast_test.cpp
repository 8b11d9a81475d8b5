#include "ane/function_forecast.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ane/op_work.h"
#include "ane/step_work.h"
#include "ane/view_of_text.h"

namespace anemone::ane {
namespace {

/// A product with 2048 x 2048 weights, over 64 rows: on M4 0.13 ms of weights there.
constexpr const char* kProduct = R"(
  tensor<fp16, [2048, 2048]> w{0} = fill(shape = tensor<int32, [2]>([2048, 2048]), value = fp16(0x1p-3));
  tensor<fp16, [64, 2048]> y{0} = matmul(transpose_x = bool(false), transpose_y = bool(false), x = {1}, y = w{0});
)";

std::string product(int index, const std::string& from) {
  std::string text = kProduct;
  const auto replace = [&](const std::string& what, const std::string& with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what)) {
      text.replace(at, what.size(), with);
    }
  };
  replace("{0}", std::to_string(index));
  replace("{1}", from);
  return text;
}

std::string function_of(const std::string& ops, const std::string& result) {
  return "func main<ios18>(tensor<fp16, [64, 2048]> x) {\n" + ops + "} -> (" + result + ");";
}

const Chip& m4() { return **find_chip("m4"); }

FunctionForecast forecast_of(const std::string& body, const Chip& chip = m4()) {
  const auto model = view_of_text(body);
  return forecast_function(model->packages[0]->functions[0], chip, obstacles_in(*model, chip));
}

/// A product of 64 rows that is long enough to be judged, and an op on its result.
FunctionForecast after_product(const std::string& op, const std::string& result,
                               std::string_view chip = "m4") {
  return forecast_of(function_of(product(0, "x") + product(1, "y0") + op, result),
                     **find_chip(chip));
}

TEST(FunctionForecast, S3_40_ProductsWithLargeWeightsRunOnTheNeuralEngine) {
  const FunctionForecast forecast =
      forecast_of(function_of(product(0, "x") + product(1, "y0") + product(2, "y1"), "y2"));
  ASSERT_EQ(forecast.operations.size(), 3U);  // weights are constants
  for (const PlacedOperation& op : forecast.operations) EXPECT_EQ(op.unit, Unit::neural_engine);
  EXPECT_EQ(forecast.segments, 1U);
  EXPECT_EQ(forecast.residency, 1);
  EXPECT_NEAR(forecast.launch_ms, 0.25, 1e-12);
  EXPECT_TRUE(forecast.interruptions.empty());
  EXPECT_FALSE(forecast.below_launch_cost);
  // 8.4 MB and two flags at 64.2 GB/s, and 64 rows in and out at the rate of activations
  const double activations = 2 * 64 * 2048 * 2 / (kFittedCosts.attention_gbps * 1e6);
  EXPECT_NEAR(forecast.operations[0].milliseconds, (2048 * 2048 * 2 + 2) / 64.2e6 + activations,
              1e-9);
}

TEST(FunctionForecast, S3_42_AnOpThatDoesNotRunThereCutsTheFunctionAndSaysWhatAFixSaves) {
  const FunctionForecast forecast = forecast_of(function_of(
      product(0, "x") + product(1, "y0") +
          "tensor<fp16, [64, 2048]> s = cumsum(axis = int32(0), exclusive = bool(false), "
          "reverse = bool(false), x = y1);" +
          product(2, "s") + product(3, "y2"),
      "y3"));
  EXPECT_EQ(forecast.segments, 2U);
  ASSERT_EQ(forecast.interruptions.size(), 1U);
  const Interruption& cut = forecast.interruptions[0];
  EXPECT_EQ(cut.type, "cumsum");
  EXPECT_EQ(cut.obstacle, "never placed there");
  EXPECT_EQ(cut.operations, 1U);
  const auto op = std::ranges::find(forecast.operations, "s", &PlacedOperation::name);
  EXPECT_EQ(op->unit, Unit::cpu);
  const double on_engine =
      2 * 64 * 2048 * 2 / (kFittedCosts.attention_gbps * 1e6) + 64 * 2048 / 19.0e9;
  EXPECT_NEAR(cut.saves_ms, 0.375 + op->milliseconds - on_engine, 1e-9);
  EXPECT_LT(forecast.residency, 1);
  EXPECT_GT(forecast.residency, 0.9);
}

TEST(FunctionForecast, APerforatedFunctionIsLessResident) {
  const auto cut = [](int number) {
    std::string ops = product(0, "x");
    std::string last = "y0";
    for (int i = 0; i < number; ++i) {
      const std::string name = "s" + std::to_string(i);
      ops += "tensor<fp16, [64, 2048]> " + name + " = cumsum(axis = int32(0), exclusive = " +
             "bool(false), reverse = bool(false), x = " + last + ");";
      last = name;
    }
    return forecast_of(function_of(ops + product(1, last) + product(2, "y1"), "y2")).residency;
  };
  EXPECT_GT(cut(0), cut(1));
  EXPECT_GT(cut(1), cut(8));
}

TEST(FunctionForecast, ATinyFunctionIsBelowTheLaunchCost) {
  const FunctionForecast forecast = forecast_of(
      "func main<ios18>(tensor<fp16, [1, 64]> x) { tensor<fp16, [1, 64]> y = relu(x = x); } -> "
      "(y);");
  EXPECT_TRUE(forecast.below_launch_cost);
  EXPECT_EQ(forecast.segments, 0U);
  EXPECT_EQ(forecast.operations[0].unit, Unit::cpu);
  EXPECT_EQ(forecast.operations[0].obstacle, "");
}

/// Rows of a table at places of run time, added to the input: the start of a language model.
constexpr const char* kLookUp = R"(
  tensor<int32, [64]> j = add(x = i, y = i);
  tensor<fp16, [128, 2048]> table = fill(shape = tensor<int32, [2]>([128, 2048]), value = fp16(0x1p-3));
  tensor<fp16, [64, 2048]> rows = gather(axis = int32(0), batch_dims = int32(0), indices = j, validate_indices = bool(false), x = table);
  tensor<fp16, [64, 2048]> start = add(x = x, y = rows);
)";
constexpr const char* kIndexed =
    "func main<ios18>(tensor<fp16, [64, 2048]> x, tensor<int32, [64]> i) {";

TEST(FunctionForecast, WhereOnlyLookupsAtTheStartStandInTheWayAndNoSegmentPaysNothingIsJudged) {
  // An op of half a megabyte in and out saves 0.01 ms.
  const FunctionForecast small = forecast_of(
      std::string(kIndexed) + kLookUp + "tensor<fp16, [64, 2048]> y = relu(x = start);} -> (y);");
  EXPECT_TRUE(small.below_launch_cost);
  EXPECT_TRUE(small.interruptions.empty());
  const FunctionForecast large = forecast_of(std::string(kIndexed) + kLookUp + product(0, "start") +
                                             product(1, "y0") + product(2, "y1") + "} -> (y2);");
  EXPECT_FALSE(large.below_launch_cost);
  EXPECT_EQ(large.segments, 1U);
  EXPECT_TRUE(large.interruptions.empty()) << "the usual price is no cut";
}

/// Rows of a value of run time, 16 MB in and out, so many times; then an op that suits.
FunctionForecast of_lookups(int number) {
  std::string ops;
  std::string last = "x";
  for (int i = 0; i < number; ++i) {
    const std::string rows = "r" + std::to_string(i);
    ops += "tensor<fp16, [1024, 4096]> " + rows +
           " = gather(axis = int32(0), batch_dims = int32(0), indices = i, validate_indices = "
           "bool(false), x = " +
           last + ");";
    last = rows;
  }
  return forecast_of("func main<ios18>(tensor<fp16, [1024, 4096]> x, tensor<int32, [1024]> i) {" +
                     ops + "tensor<fp16, [1024, 4096]> y = relu(x = " + last + ");} -> (y);");
}

TEST(FunctionForecast, LookupsThatMoveMuchAreJudged) {
  const FunctionForecast forecast = of_lookups(20);
  EXPECT_FALSE(forecast.below_launch_cost);
  EXPECT_EQ(forecast.residency, 0);
  ASSERT_EQ(forecast.interruptions.size(), 1U);
  EXPECT_EQ(forecast.interruptions[0].operation, "r0");
  EXPECT_EQ(forecast.interruptions[0].obstructed, 20U);
  EXPECT_GT(forecast.interruptions[0].saves_ms, 4);
  const FunctionForecast one = of_lookups(1);
  EXPECT_GT(one.milliseconds, 0.375);
  EXPECT_FALSE(one.below_launch_cost) << "no segment pays, but the lookup is not small";
  EXPECT_EQ(one.segments, 0U);
}

TEST(FunctionForecast, MuchIndexArithmeticIsJudgedHoweverSmallEachOfItsOpsIs) {
  std::string ops;
  for (int i = 0; i < 800; ++i) {
    const auto name = [](int number) { return "i" + std::to_string(number); };
    ops += "tensor<int32, [4096]> " + name(i + 1) + " = add(x = " + name(i) + ", y = " + name(i) +
           ");";
  }
  const FunctionForecast forecast =
      forecast_of("func main<ios18>(tensor<int32, [4096]> i0) {" + ops + "} -> (i800);");
  EXPECT_GT(forecast.milliseconds, 0.375);
  EXPECT_FALSE(forecast.below_launch_cost);
}

/// A product of one row with 2048 x 2048 weights, so many times, in fp16 or fp32.
FunctionForecast of_one_row(int number, const std::string& dtype, const Chip& chip) {
  std::string ops;
  for (int i = 0; i < number; ++i) {
    const std::string n = std::to_string(i);
    ops += "tensor<" + dtype + ", [2048, 2048]> w" + n +
           " = fill(shape = tensor<int32, [2]>([2048, 2048]), value = " + dtype +
           "(0x1p-3)); tensor<" + dtype + ", [1, 2048]> y" + std::to_string(i + 1) +
           " = matmul(transpose_x = bool(false), transpose_y = bool(false), x = y" + n + ", y = w" +
           n + ");";
  }
  return forecast_of("func main<ios18>(tensor<" + dtype + ", [1, 2048]> y0) {" + ops + "} -> (y" +
                         std::to_string(number) + ");",
                     chip);
}

TEST(FunctionForecast, ProductsInSinglePrecisionAreJudgedByWhatTheyWouldTakeInHalf) {
  for (const Chip& chip : all_chips()) {
    if (weight_bandwidth(chip).value <= 0) continue;
    const FunctionForecast single = of_one_row(40, "fp32", chip);
    const FunctionForecast half = of_one_row(40, "fp16", chip);
    EXPECT_EQ(half.residency, 1) << chip.label;
    EXPECT_FALSE(single.below_launch_cost) << chip.label;
    EXPECT_EQ(single.residency, 0) << chip.label;
    ASSERT_EQ(single.interruptions.size(), 1U);
    EXPECT_NEAR(single.interruptions[0].saves_ms, single.milliseconds - half.milliseconds, 1e-5)
        << chip.label;
  }
}

TEST(FunctionForecast, TheOpThatIsNamedIsTheOneThatTakesLongest) {
  const std::string indices =
      "tensor<fp16, [1024]> m = reduce_max(axes = tensor<int32, [1]>([1]), "
      "keep_dims = bool(false), x = x);"
      "tensor<int32, [1024]> j = cast(dtype = string(\"int32\"), x = m);";
  std::string ops = indices;
  std::string last = "x";
  for (int i = 0; i < 20; ++i) {
    const std::string rows = "r" + std::to_string(i);
    ops += "tensor<fp16, [1024, 4096]> " + rows +
           " = gather(axis = int32(0), batch_dims = int32(0), indices = j, validate_indices = "
           "bool(false), x = " +
           last + ");";
    last = rows;
  }
  const FunctionForecast forecast = forecast_of("func main<ios18>(tensor<fp16, [1024, 4096]> x) {" +
                                                ops + "} -> (" + last + ");");
  ASSERT_FALSE(forecast.interruptions.empty());
  EXPECT_EQ(forecast.interruptions[0].operation, "r0") << "and not the cast of a few indices";
  EXPECT_EQ(forecast.interruptions[0].type, "gather");
}

TEST(FunctionForecast, AFunctionThatOthersOpsKeepOffIsJudgedAndSaysWhichAndWhatAFixSaves) {
  // Each product pays on the Neural Engine, but not the two changes of side of each cumsum.
  std::string ops = kLookUp;
  std::string last = "start";
  for (int i = 0; i < 4; ++i) {
    const std::string scan = "s" + std::to_string(i);
    ops +=
        "tensor<fp16, [64, 2048]> " + scan +
        " = cumsum(axis = int32(0), exclusive = bool(false), reverse = bool(false), x = " + last +
        ");" + product(i, scan);
    last = "y" + std::to_string(i);
  }
  const FunctionForecast forecast = forecast_of(kIndexed + ops + "} -> (" + last + ");");
  ASSERT_EQ(forecast.segments, 0U);
  EXPECT_FALSE(forecast.below_launch_cost);
  EXPECT_EQ(forecast.residency, 0);
  ASSERT_EQ(forecast.interruptions.size(), 1U);
  const Interruption& cut = forecast.interruptions[0];
  EXPECT_EQ(cut.operation, "s0") << "and not the index arithmetic before it";
  EXPECT_EQ(cut.obstacle, "never placed there");
  EXPECT_EQ(cut.operations, forecast.operations.size());
  EXPECT_EQ(cut.obstructed, 6U) << "with the addition and the gather of the places";
  EXPECT_GT(cut.saves_ms, 0);
  EXPECT_LT(cut.saves_ms, forecast.milliseconds);
}

TEST(FunctionForecast, LookupsBehindOtherWorkAreNoUsualPrice) {
  // What a product makes decides which rows the next one takes: no product pays alone.
  std::string ops = kLookUp;
  std::string last = "start";
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i);
    ops += product(i, last) + "tensor<fp16, [64]> m" + n +
           " = reduce_max(axes = tensor<int32, [1]>([1]), keep_dims = bool(false), x = y" + n +
           "); tensor<int32, [64]> j" + n + " = cast(dtype = string(\"int32\"), x = m" + n +
           "); tensor<fp16, [64, 2048]> r" + n +
           " = gather(axis = int32(0), batch_dims = int32(0), indices = j" + n +
           ", validate_indices = bool(false), x = y" + n + ");";
    last = "r" + n;
  }
  const FunctionForecast forecast = forecast_of(kIndexed + ops + "} -> (" + last + ");");
  EXPECT_EQ(forecast.segments, 0U);
  EXPECT_FALSE(forecast.below_launch_cost);
}

TEST(FunctionForecast, OpsAtAnEndAreToldWhereAFixSavesMoreThanACut) {
  constexpr const char* kScan =
      "tensor<fp16, [64, 2048]> s = cumsum(axis = int32(0), exclusive = bool(false), "
      "reverse = bool(false), x = y1);";
  EXPECT_TRUE(after_product(kScan, "s").interruptions.empty());
  std::string scans = kScan;
  std::string last = "s";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "t" + std::to_string(i);
    scans +=
        "tensor<fp16, [64, 2048]> " + next +
        " = cumsum(axis = int32(0), exclusive = bool(false), reverse = bool(false), x = " + last +
        ");";
    last = next;
  }
  const FunctionForecast forecast = after_product(scans, last);
  ASSERT_EQ(forecast.segments, 1U);
  ASSERT_EQ(forecast.interruptions.size(), 1U);
  EXPECT_EQ(forecast.interruptions[0].operation, "s");
  EXPECT_EQ(forecast.interruptions[0].obstructed, 41U);
  EXPECT_GT(forecast.interruptions[0].saves_ms, 0.25);
}

TEST(FunctionForecast, S3_58_OpsThatStayOnTheCpuSayWhy) {
  const FunctionForecast forecast = forecast_of(
      "func main<ios18>(tensor<fp32, [8, 4]> x, tensor<int32, [2]> i) {"
      "tensor<fp32, [8, 4]> a = tanh(x = x);"
      "tensor<int32, [2]> b = add(x = i, y = i);"
      "tensor<fp32, [2, 4]> c = gather(axis = int32(0), batch_dims = int32(0), indices = b,"
      " validate_indices = bool(false), x = a);} -> (c);");
  ASSERT_EQ(forecast.operations.size(), 3U);
  EXPECT_EQ(forecast.operations[0].obstacle, "tanh computes in fp32");
  EXPECT_EQ(forecast.operations[1].obstacle, "works on integers");
  EXPECT_EQ(forecast.operations[2].obstacle, "gathers at places known at run time only");
}

TEST(FunctionForecast, ADecoderInHalfPrecisionRunsOnTheNeuralEngineOfEveryChip) {
  std::string ops;
  std::string last = "x";
  for (int i = 0; i < 12; ++i) {  // 8.4 MB each, one token
    ops += "tensor<fp16, [2048, 2048]> w" + std::to_string(i) +
           " = fill(shape = tensor<int32, [2]>([2048, 2048]), value = fp16(0x1p-3));"
           "tensor<fp16, [1, 2048]> y" +
           std::to_string(i) +
           " = matmul(transpose_x = bool(false), transpose_y = bool(false), x = " + last +
           ", y = w" + std::to_string(i) + ");";
    last = "y" + std::to_string(i);
  }
  const std::string body =
      "func main<ios18>(tensor<fp16, [1, 2048]> x) {" + ops + "} -> (" + last + ");";
  for (const Chip& chip : all_chips()) {
    if (weight_bandwidth(chip).value <= 0) continue;
    const FunctionForecast forecast = forecast_of(body, chip);
    EXPECT_FALSE(forecast.below_launch_cost) << chip.label;
    EXPECT_EQ(forecast.residency, 1) << chip.label;
  }
}

TEST(FunctionForecast, WhatARuleTakesOffTheNeuralEngineIsNotPlacedThere) {
  const FunctionForecast kernel = forecast_of(
      "func main<ios18>(tensor<fp16, [1, 512, 1, 128]> x) {"
      "tensor<fp16, [512, 512, 1, 17]> w = fill(shape = tensor<int32, [4]>([512, 512, 1, 17]), "
      "value = fp16(0x1p-3)); tensor<fp16, [1, 512, 1, 112]> y = conv(weight = w, x = x);} -> "
      "(y);");
  EXPECT_EQ(kernel.residency, 0);
  EXPECT_FALSE(kernel.below_launch_cost);
  EXPECT_EQ(kernel.operations[0].obstacle, "a kernel of 1x17 is too large");
  const FunctionForecast contraction = forecast_of(
      "func main<ios18>(tensor<fp16, [64, 40000]> x) {"
      "tensor<fp16, [40000, 512]> w = fill(shape = tensor<int32, [2]>([40000, 512]), value = "
      "fp16(0x1p-3)); tensor<fp16, [64, 512]> y = matmul(transpose_x = bool(false), transpose_y = "
      "bool(false), x = x, y = w);} -> (y);");
  EXPECT_EQ(contraction.residency, 0);
  const FunctionForecast rank = forecast_of(
      "func main<ios18>(tensor<fp16, [1, 2, 2, 512, 512]> x) {"
      "tensor<fp16, [1, 2, 2, 512, 512]> y = matmul(transpose_x = bool(false), transpose_y = "
      "bool(true), x = x, y = x);} -> (y);");
  EXPECT_EQ(rank.residency, 0);
}

TEST(FunctionForecast, RulesOfAGenerationHoldOnItsChips) {
  constexpr const char* kSine = "tensor<fp16, [64, 2048]> s = sin(x = y1);";
  EXPECT_EQ(after_product(kSine, "s", "m4").operations.back().obstacle, "");
  EXPECT_EQ(after_product(kSine, "s", "m2").operations.back().obstacle, "sin at run time");
}

}  // namespace
}  // namespace anemone::ane
