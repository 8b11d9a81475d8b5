#include "bench/function_times.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/scripted.h"

namespace anemone::bench {
namespace {

const std::filesystem::path kModels = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models";

std::string plan(const std::string& operations) {
  return R"({"functions": [{"name": "other", "operations": []}, {"name": "main", "operations": [)" +
         operations + "]}]}";
}

constexpr const char* kOperations =
    R"({"type": "const", "outputs": ["w"], "preferred": null, "cost": null},
       {"type": "add", "outputs": ["a"], "preferred": "cpu", "cost": 0.1},
       {"type": "conv", "outputs": ["c"], "preferred": "neural_engine", "cost": 0.3},
       {"type": "mul", "outputs": ["m"], "preferred": "gpu", "cost": null})";

TEST(FunctionTimes, S3_45_APlanDividesThePredictionOverItsOps) {
  const auto divided = divide_by_plan(plan(kOperations), "main");
  ASSERT_TRUE(divided.ok()) << divided.error().to_string();
  ASSERT_EQ(divided->size(), 2U) << "ops that do not run and those without a cost have no time";
  EXPECT_EQ((*divided)[0].name, "c");
  EXPECT_EQ((*divided)[0].type, "conv");
  EXPECT_EQ((*divided)[0].unit, "neural_engine");
  EXPECT_DOUBLE_EQ((*divided)[0].share, 0.75);
  EXPECT_DOUBLE_EQ((*divided)[1].share, 0.25);
}

TEST(FunctionTimes, S3_45_LoadsPredictionsAndOpsHaveTheBenchmarkersStatistics) {
  // MLModelBenchmarker of coremltools: min, max, mean, standard deviation, median; an op has its
  // share of every prediction.
  Configuration one{.context_tokens = 8, .compute_units = "cpu-ane", .threads = 1};
  one.outcome = Outcome::measured;
  one.measurement.emplace();
  FunctionTimes times{.package = "p.mlpackage", .function = "main"};
  times.load_ns = make_series({5e6, 7e6, 9e6}, {});
  times.predict_ns = make_series({1e6, 2e6, 6e6}, {});
  times.operations = *divide_by_plan(plan(kOperations), "main");
  one.functions.push_back(times);
  Report report;
  report.configurations.push_back(one);
  const auto document = nlohmann::json::parse(to_json(report));
  const auto& own = document["configurations"][0]["functions"][0];
  EXPECT_EQ(own["load_ns"]["summary"]["median"], 7e6);
  EXPECT_EQ(own["predict_ns"]["summary"]["mean"], 3e6);
  const auto& conv = own["operations"][0];
  EXPECT_EQ(conv["name"], "c");
  EXPECT_EQ(conv["min_ns"], 750'000);
  EXPECT_EQ(conv["max_ns"], 4'500'000);
  EXPECT_EQ(conv["mean_ns"], 2'250'000);
  EXPECT_EQ(conv["median_ns"], 1'500'000);
  EXPECT_EQ(conv["stddev_ns"], 1'984'313);  // 0.75e6 sqrt(7)
  const std::string table = to_markdown(report);
  EXPECT_NE(table.find("## Functions by themselves"), std::string::npos);
  EXPECT_NE(table.find("c: conv"), std::string::npos) << table;
}

TEST(FunctionTimes, PlansWithoutCostsOrFunctionsAreRefused) {
  EXPECT_EQ(divide_by_plan("{", "main").error().code, ErrorCode::corrupt);
  EXPECT_EQ(divide_by_plan(plan(kOperations), "infer").error().code, ErrorCode::corrupt);
  EXPECT_EQ(divide_by_plan(plan(kOperations), "other").error().code, ErrorCode::unsupported);
}

TEST(FunctionTimes, EveryFunctionOfAModelIsTimedByItself) {
  SteadyClock clock;
  Options options{.repetitions = 3, .warmup = 1, .loads = 2};
  runtime::Options runtime;
  runtime.threads = 1;
  int done = 0;
  const auto times = time_functions(kModels / "anemone-tiny-anemll", runtime, options, clock, [&] {
    ++done;
    return true;
  });
  ASSERT_TRUE(times.ok()) << times.error().to_string();
  std::vector<std::string> names;
  for (const FunctionTimes& one : *times) {
    names.push_back(one.package + " " + one.function);
    EXPECT_EQ(one.load_ns.samples.size(), 2U);
    EXPECT_EQ(one.predict_ns.samples.size(), 3U);
    EXPECT_TRUE(one.operations.empty());
    EXPECT_NE(one.reason.find("Core ML"), std::string::npos);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"qwen_FFN_PF_chunk_01of01.mlpackage infer",
                                             "qwen_FFN_PF_chunk_01of01.mlpackage prefill",
                                             "qwen_embeddings.mlpackage main",
                                             "qwen_lm_head.mlpackage main"}));
  EXPECT_EQ(done, 4);
  const auto stopped = time_functions(kModels / "anemone-tiny-anemll", runtime, options, clock,
                                      [] { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace anemone::bench
