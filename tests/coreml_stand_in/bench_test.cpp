// The benchmark on a machine that has Core ML: the stand-in for it. Its speeds say nothing.
#include "anemone/bench.h"

#include <nlohmann/json.hpp>
#include <set>

#include "anemone/report.h"
#include "coreml_stand_in/backend_fixture.h"

namespace anemone {
namespace {

using bench::Configuration;
using bench::Outcome;
using runtime::Backend;
using stand_in::journal;
using stand_in::orders;

class CoremlBench : public test::BackendFixture {
 protected:
  static bench::Options quick(std::vector<std::string> units) {
    return {.contexts = {24},
            .compute_units = std::move(units),
            .repetitions = 2,
            .warmup = 1,
            .loads = 1,
            .stage_requests = 1,
            .answer_tokens = 4};
  }
  static Result<bench::Report> run(const bench::Options& options,
                                   const std::filesystem::path& model = tiny()) {
    return bench::run(
        model, {}, options, [](const Progress&) { return true; },
        [](LogLevel, std::string_view) {});
  }
  static std::set<int> units_loaded() {
    std::set<int> units;
    for (const auto& load : journal().loads) units.insert(load.units);
    return units;
  }
};

TEST_F(CoremlBench, S2_25_S2_26_S2_27_S3_18_S3_43_S3_67_EveryUnitIsMeasuredOnItself) {
  const std::pair<const char*, int> numbers[] = {{"all", stand_in::kAll},
                                                 {"cpu-gpu", stand_in::kCpuAndGpu},
                                                 {"cpu-ane", stand_in::kCpuAndNeuralEngine},
                                                 {"cpu", stand_in::kCpuOnly}};
  for (const auto& [units, number] : numbers) {
    journal() = {};
    const auto report = run(quick({units}));
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    const Configuration& one = report->configurations[0];
    ASSERT_TRUE(one.measurement) << one.reason;
    EXPECT_EQ(units_loaded(), std::set{number}) << units;
    EXPECT_EQ(one.execution->backend, Backend::coreml);
    EXPECT_EQ(to_string(one.execution->compute_units), std::string(units));
    EXPECT_GT(one.measurement->decode_tokens_per_second.summary->median, 0);
    EXPECT_GT(journal().predictions, 0);
  }
}

TEST_F(CoremlBench, S2_4_AnswersAreHeldAgainstTheCpuWhereverItStandsInTheSweep) {
  const auto report = run(quick({"all", "cpu", "cpu-ane"}));
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->configurations.size(), 3U);
  EXPECT_EQ(report->configurations[0].compute_units, "all");
  EXPECT_FALSE(report->configurations[1].measurement->outputs.equal_to_cpu);
  for (const size_t i : {0U, 2U}) {
    const bench::Outputs& outputs = report->configurations[i].measurement->outputs;
    EXPECT_EQ(outputs.equal_to_cpu, true);
    EXPECT_EQ(outputs.beside_cpu->logit_rows, 4);
    EXPECT_FALSE(outputs.beside_cpu->psnr_db) << "the stand-in computes the same on all units";
  }
}

TEST_F(CoremlBench, S2_4_S2_23_OtherOutputsOfAUnitAreNoticed) {
  orders().skewed_units = {stand_in::kCpuAndNeuralEngine};
  orders().skew = 3;  // signs change: other tokens
  bench::Options options = quick({"cpu", "cpu-ane"});
  options.preset = "phase2";
  auto report = run(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const bench::Outputs other = report->configurations[1].measurement->outputs;
  EXPECT_EQ(other.equal_to_cpu, false);
  ASSERT_TRUE(other.beside_cpu && other.beside_cpu->first_difference);
  EXPECT_EQ(other.beside_cpu->logit_rows, *other.beside_cpu->first_difference + 1);
  EXPECT_NE(other.tokens, report->configurations[0].measurement->outputs.tokens);
  EXPECT_EQ(report->phase2->identical_outputs, false);
  EXPECT_EQ(report->phase2->met, false);
  orders().skew = 1.0 / 512;  // about the rounding of fp16
  report = run(quick({"cpu", "cpu-ane"}));
  ASSERT_TRUE(report.ok());
  const auto& near = report->configurations[1].measurement->outputs.beside_cpu;
  ASSERT_TRUE(near && near->psnr_db);
  EXPECT_GT(near->largest_difference, 0);
  EXPECT_GT(*near->psnr_db, *other.beside_cpu->psnr_db);
}

TEST_F(CoremlBench, AFallBackToTheCpuIsRecordedAndIsNoSpeedOfTheNeuralEngine) {
  orders().refused_units = {stand_in::kCpuAndNeuralEngine};
  bench::Options options = quick({"cpu", "cpu-ane"});
  options.preset = "phase2";
  const auto report = run(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Configuration& one = report->configurations[1];
  ASSERT_EQ(one.outcome, Outcome::measured);
  EXPECT_TRUE(mentions(one.execution->notes, "runs on compute units cpu"));
  EXPECT_FALSE(report->phase2->met);
  EXPECT_TRUE(report->phase2->speedups.empty());
  EXPECT_NE(report->phase2->reason.find("refuses the Neural Engine"), std::string::npos);
  const auto document = nlohmann::json::parse(to_json(*report));
  EXPECT_EQ(document["configurations"][0]["execution"]["fell_back"], false);
  EXPECT_EQ(document["configurations"][1]["execution"]["fell_back"], true);
  EXPECT_EQ(document["phase2"]["verdict"], "n/a");
  EXPECT_NE(to_markdown(*report).find("Core ML, in part on its CPU"), std::string::npos);
  const auto page = report::bench(to_json(*report), "a.json", report::Format::html);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  EXPECT_NE(page->find("runs on compute units cpu"), std::string::npos);
}

TEST_F(CoremlBench, WhereCoreMlRefusesAModelOnlyTheCpuHasAnotherBackend) {
  orders().refused_loads = 1 << 20;
  const auto report = run(quick({"cpu", "cpu-ane"}));
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->configurations[0].execution->backend, Backend::cpu);
  EXPECT_TRUE(mentions(report->configurations[0].execution->notes, "runs on the CPU executor"));
  ASSERT_TRUE(report->configurations[0].measurement->stages);
  EXPECT_TRUE(report->configurations[0].measurement->stages->head);
  EXPECT_EQ(report->configurations[1].outcome, Outcome::not_available);
  EXPECT_NE(report->configurations[1].reason.find(orders().refusal), std::string::npos);
  bench::Options by_name = quick({"cpu"});
  by_name.backend = Backend::coreml;
  EXPECT_FALSE(run(by_name).ok());
}

TEST_F(CoremlBench, TheExecutorIsAskedForByName) {
  bench::Options options = quick({"cpu", "all"});
  options.backend = Backend::cpu;
  const auto report = run(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->configurations[0].execution->backend, Backend::cpu);
  EXPECT_NE(report->configurations[1].reason.find("--backend cpu"), std::string::npos);
  EXPECT_TRUE(journal().loads.empty());
}

TEST_F(CoremlBench, StagesAreTheTimeOfWholeFunctions) {
  const auto report = run(quick({"cpu-ane"}));
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const auto& stages = report->configurations[0].measurement->stages;
  ASSERT_TRUE(stages);
  EXPECT_FALSE(stages->head);
  EXPECT_NE(stages->note.find("no time inside its functions"), std::string::npos);
  EXPECT_GT(*stages->step, 0);
}

TEST_F(CoremlBench, WhatFailsBesideAMeasurementLeavesItsReason) {
  // Predictions fail from the last request on.
  const auto fail_at_the_end = [](const Progress& progress) {
    orders().fails_predictions = progress.done == progress.total;
    return true;
  };
  const auto run_until_then = [&](const bench::Options& options) {
    orders().fails_predictions = false;
    return bench::run(tiny(), {}, options, fail_at_the_end, [](LogLevel, std::string_view) {});
  };
  bench::Options options = quick({"cpu", "cpu-ane"});
  options.repetitions = 1;  // one visit each
  options.stage_requests = 0;
  auto report = run_until_then(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Configuration& beside = report->configurations[1];
  ASSERT_EQ(beside.outcome, Outcome::measured) << beside.reason;
  EXPECT_FALSE(beside.measurement->outputs.equal_to_cpu);
  EXPECT_FALSE(beside.measurement->outputs.beside_cpu_reason.empty());
  EXPECT_NE(to_markdown(*report).find(beside.measurement->outputs.beside_cpu_reason),
            std::string::npos);
  options.compute_units = {"cpu-ane"};
  options.functions = true;
  report = run_until_then(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Configuration& one = report->configurations[0];
  ASSERT_EQ(one.outcome, Outcome::measured) << one.reason;
  EXPECT_TRUE(one.functions.empty());
  EXPECT_FALSE(one.functions_reason.empty());
  EXPECT_NE(to_markdown(*report).find(one.functions_reason), std::string::npos);
  EXPECT_TRUE(report->complete);
}

TEST_F(CoremlBench, S3_48_ALoadWithoutCompiledPackagesStandsBesideOneWith) {
  bench::Options options = quick({"cpu", "cpu-ane"});
  options.contexts = {16, 24};
  options.stage_requests = 0;
  const auto report = run(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  // Three packages into the cache, and three more for each of the units.
  EXPECT_EQ(journal().compiled.size(), 9U);
  for (const Configuration& one : report->configurations) {
    const bench::Load& load = one.measurement->load;
    EXPECT_EQ(load.compiled_gain().has_value(), one.context_tokens == 16) << one.id();
  }
  journal() = {};
  ASSERT_TRUE(run(options).ok());
  EXPECT_EQ(journal().compiled.size(), 6U) << "the cache was left as it was";
}

TEST_F(CoremlBench, S3_45_OpsOfAFunctionHaveTheirShareOfItsTime) {
  bench::Options options = quick({"cpu-ane"});
  options.stage_requests = 0;
  options.functions = true;
  const auto report = run(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const auto& functions = report->configurations[0].functions;
  ASSERT_EQ(functions.size(), 4U);
  EXPECT_EQ(functions[0].function, "infer");
  for (const bench::FunctionTimes& one : functions) {
    EXPECT_GT(one.predict_ns.summary->min, 0);
    ASSERT_FALSE(one.operations.empty()) << one.reason;
    double sum = 0;
    for (const bench::OperationTime& time : one.operations) sum += time.share;
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST_F(CoremlBench, ThreadsAreSweptOnTheExecutorAlone) {
  bench::Options options = quick({"cpu-ane"});
  options.threads = {1, 2};
  options.stage_requests = 0;
  const auto report = run(options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->configurations[0].outcome, Outcome::measured);
  EXPECT_EQ(report->configurations[1].outcome, Outcome::not_available);
  EXPECT_NE(report->configurations[1].reason.find("chooses its threads"), std::string::npos);
}

TEST_F(CoremlBench, ACheckpointIsConvertedForCoreMl) {
  bench::Options options = quick({"cpu", "cpu-ane"});
  options.stage_requests = 0;
  const auto report = run(options, test::source_folder() / "models/anemone-tiny");
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  for (const Configuration& one : report->configurations) {
    ASSERT_TRUE(one.measurement) << one.reason;
    EXPECT_TRUE(one.artifact->converted);
    EXPECT_EQ(one.execution->backend, Backend::coreml);
  }
  EXPECT_EQ(report->configurations[0].artifact->hash, report->configurations[1].artifact->hash);
  EXPECT_EQ(report->configurations[1].measurement->outputs.equal_to_cpu, true);
}

}  // namespace
}  // namespace anemone
