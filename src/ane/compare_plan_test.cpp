#include <gtest/gtest.h>

#include "anemone/forecast.h"
#include "support/scratch_folder.h"

namespace anemone::ane {
namespace {

PlacedOperation placed(const std::string& name, Unit unit) {
  return {.name = name, .type = "conv", .unit = unit};
}

/// a and b on the Neural Engine, c on the CPU.
Forecast predicted() {
  Forecast forecast;
  forecast.functions.push_back(
      {.package = "chunk_01of02.mlpackage",
       .function = "infer",
       .operations = {placed("a", Unit::neural_engine), placed("b", Unit::neural_engine),
                      placed("c", Unit::cpu)}});
  return forecast;
}

std::string operation(const std::string& name, const std::string& preferred, double cost) {
  return R"({"type": "conv", "outputs": [")" + name + R"("], "preferred": )" + preferred +
         R"(, "supported": ["cpu"], "cost": )" + std::to_string(cost) + "}";
}

std::string plan(const std::string& operations, const std::string& model = "chunk_01of02.mlmodelc",
                 const std::string& format = "anemone-compute-plan") {
  return R"({"format": ")" + format + R"(", "version": 1, "model": ")" + model +
         R"(", "device": "Mac16,9", "operating_system": "macOS 15.5", "compute_units": "all",
             "functions": [{"name": "infer", "operations": [)" +
         operations + "]}]}";
}

Result<PlanComparison> compare(const std::string& json, const Forecast& forecast = predicted()) {
  const test::ScratchFolder folder;
  folder.write("plan.json", json);
  return compare_with_plan(forecast, folder.path() / "plan.json");
}

TEST(ComparePlan, S3_77_SharesOfARecordedPlanAddUpToOne) {
  const auto result =
      compare(plan(operation("a", "\"neural_engine\"", 0.3) + "," + operation("b", "\"gpu\"", 0.1) +
                   "," + operation("c", "\"cpu\"", 0.1)));
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  ASSERT_TRUE(result->shares.has_value());
  EXPECT_NEAR(result->shares->neural_engine, 0.6, 1e-12);
  EXPECT_NEAR(result->shares->gpu, 0.2, 1e-12);
  EXPECT_NEAR(result->shares->cpu, 0.2, 1e-12);
  EXPECT_EQ(result->device, "Mac16,9");
  EXPECT_EQ(result->operating_system, "macOS 15.5");
}

TEST(ComparePlan, S3_75_APlanThatDoesNotNameItsDeviceIsRefused) {
  std::string nameless = plan(operation("a", "\"cpu\"", 1));
  const std::string device = R"("device": "Mac16,9", )";
  nameless.erase(nameless.find(device), device.size());
  const auto result = compare(nameless);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::mismatch);
  EXPECT_NE(result.error().message.find("which device"), std::string::npos);
}

TEST(ComparePlan, S4_12_ResidencyIsOfRecordedCostsAndElseNotThere) {
  const auto recorded = compare(
      plan(operation("a", "\"neural_engine\"", 0.75) + "," + operation("c", "\"cpu\"", 0.25)));
  ASSERT_TRUE(recorded.ok() && recorded->shares);
  EXPECT_EQ(recorded->shares->neural_engine, 0.75);
  const std::string without =
      R"({"type": "conv", "outputs": ["c"], "preferred": "cpu", "cost": null})";
  const auto half = compare(plan(operation("a", "\"neural_engine\"", 0.75) + "," + without));
  ASSERT_TRUE(half.ok()) << half.error().to_string();
  EXPECT_FALSE(half->shares.has_value());
  const auto none = compare(plan(operation("a", "\"neural_engine\"", 0)));
  ASSERT_TRUE(none.ok()) << none.error().to_string();
  EXPECT_FALSE(none->shares.has_value());
}

TEST(ComparePlan, S3_58_ListsWhatThePlanKeepsOffTheNeuralEngine) {
  const auto result =
      compare(plan(operation("a", "\"neural_engine\"", 0.5) + "," +
                   operation("b", "\"gpu\"", 0.25) + "," + operation("x", "\"cpu\"", 0.25)));
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  ASSERT_EQ(result->off_engine.size(), 2U);
  EXPECT_EQ(result->off_engine[0].operation, "b");
  EXPECT_EQ(result->off_engine[0].planned, Unit::gpu);
  EXPECT_EQ(result->off_engine[1].operation, "x");
  EXPECT_EQ(result->unmatched, 1U);
}

TEST(ComparePlan, S3_42_FallbacksThatWereNotPredictedAreDifferences) {
  const auto result =
      compare(plan(operation("a", "\"neural_engine\"", 0.5) + "," + operation("b", "\"cpu\"", 0.5) +
                   "," + operation("c", "\"cpu\"", 0)));
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  EXPECT_EQ(result->operations, 3U);
  EXPECT_EQ(result->agreeing, 2U);
  ASSERT_EQ(result->differences.size(), 1U);
  EXPECT_EQ(result->differences[0].operation, "b");
  EXPECT_EQ(result->differences[0].predicted, Unit::neural_engine);
  EXPECT_EQ(result->differences[0].planned, Unit::cpu);
}

TEST(ComparePlan, OpsThatDoNotRunHaveNoUnit) {
  const auto result =
      compare(plan(operation("a", "\"neural_engine\"", 1) + "," + operation("weight", "null", 0)));
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  EXPECT_EQ(result->operations, 1U);
  EXPECT_EQ(result->unmatched, 0U);
}

TEST(ComparePlan, APlanIsOfThePackageWithItsStem) {
  Forecast forecast = predicted();
  forecast.functions.push_back({.package = "chunk_02of02.mlpackage",
                                .function = "infer",
                                .operations = {placed("a", Unit::cpu)}});
  const std::string operations = operation("a", "\"cpu\"", 1);
  EXPECT_EQ(compare(plan(operations), forecast)->agreeing, 0U);
  EXPECT_EQ(compare(plan(operations, "chunk_02of02.mlmodelc"), forecast)->agreeing, 1U);
}

TEST(ComparePlan, RefusesWhatIsNoPlanOrOfAnotherModel) {
  const auto code = [](const std::string& json) {
    const auto result = compare(json);
    EXPECT_FALSE(result.ok());
    return result.ok() ? ErrorCode::io : result.error().code;
  };
  EXPECT_EQ(code("{}"), ErrorCode::corrupt);
  EXPECT_EQ(code(plan(operation("a", "\"cpu\"", 1), "m", "other")), ErrorCode::corrupt);
  EXPECT_EQ(code(plan(operation("a", "\"tpu\"", 1))), ErrorCode::corrupt);
  EXPECT_EQ(code(plan(operation("a", "3", 1))), ErrorCode::corrupt);
  EXPECT_EQ(code(plan(operation("a", "\"cpu\"", -1))), ErrorCode::corrupt);
  EXPECT_EQ(code(plan("7")), ErrorCode::corrupt);
  EXPECT_EQ(code(plan(R"({"type": "conv"})")), ErrorCode::corrupt);
  EXPECT_EQ(code(plan(operation("elsewhere", "\"cpu\"", 1))), ErrorCode::mismatch);
  EXPECT_EQ(compare_with_plan(predicted(), "/no/such/plan.json").error().code,
            ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone::ane
