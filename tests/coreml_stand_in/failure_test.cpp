#include <fstream>

#include "coreml_stand_in/backend_fixture.h"

namespace anemone {
namespace {

using runtime::Backend;
using runtime::ComputeUnits;
using stand_in::journal;
using stand_in::orders;

class CoremlFailures : public test::BackendFixture {
 protected:
  static Status run_once(runtime::Model& model) {
    ANEMONE_TRY(const auto runner, model.prepare("main", {}));
    return runner->run(nullptr);
  }
};

TEST_F(CoremlFailures, S0_66_UnitsThatAreRefusedFallBackToCoreMLsCpuAndTheReportSaysSo) {
  orders().refused_units = {stand_in::kCpuAndNeuralEngine};
  orders().refusal = "Failed to build the model execution plan, error code: -14";
  const auto model = load(chunk());
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ(journal().loads.back().units, stand_in::kCpuOnly);
  EXPECT_EQ(journal().loads.back().function, "infer");
  EXPECT_TRUE(mentions((*model)->execution().notes,
                       "function 'infer' runs on compute units cpu, as Core ML refuses it on "
                       "cpu-ane"));
  EXPECT_TRUE(mentions((*model)->execution().notes, "error code: -14 (com.apple.CoreML -14)"));
  EXPECT_TRUE(mentions((*model)->execution().notes,
                       "Program load failure (com.apple.appleneuralengine 6)"));
  // No plan is made for units that it does not run on.
  EXPECT_EQ((*model)->execution().compute_units, ComputeUnits::cpu);
  const auto choices = (*model)->kernels("infer");
  ASSERT_TRUE(choices.ok()) << choices.error().to_string();
  for (const runtime::KernelChoice& choice : *choices) EXPECT_NE(choice.kernel, "neural_engine");
  EXPECT_EQ(journal().plans.back().units, stand_in::kCpuOnly);
  // Its other function tries the units that were asked for, too.
  orders().refused_units = {};
  ASSERT_TRUE((*model)->prepare("prefill", {}).ok());
  EXPECT_EQ(journal().loads.back(), (stand_in::Journal::Load{journal().loads.back().path, "prefill",
                                                             stand_in::kCpuAndNeuralEngine}));
  EXPECT_FALSE(mentions((*model)->execution().notes, "'prefill'"));
  EXPECT_EQ((*model)->execution().compute_units, ComputeUnits::cpu_ane);
}

TEST_F(CoremlFailures, S0_66_AModelThatCoreMLRefusesRunsOnTheExecutorWhereThatIsAllowed) {
  orders().refused_units = {stand_in::kCpuOnly, stand_in::kCpuAndNeuralEngine};
  const auto asked = load(head());
  ASSERT_FALSE(asked.ok());
  EXPECT_EQ(asked.error().code, ErrorCode::unsupported);
  EXPECT_NE(asked.error().message.find(orders().refusal), std::string::npos);
  const auto model = load(head(), Backend::automatic);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ((*model)->execution().backend, Backend::cpu);
  EXPECT_TRUE(mentions((*model)->execution().notes, "runs on the CPU executor, because: "));
  EXPECT_TRUE(mentions((*model)->execution().notes, orders().refusal));
  EXPECT_TRUE(run_once(**model).ok());
  EXPECT_EQ(journal().predictions_tried, 0);
}

TEST_F(CoremlFailures, AnEntryOfTheCacheThatCoreMLRefusesIsMadeAnew) {
  ASSERT_TRUE(load(head()).ok());
  orders().refused_loads = 2;  // on both choices of units.
  const auto model = load(head());
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(journal().compiled.size(), 2U);
  EXPECT_FALSE(mentions((*model)->execution().notes, "compute units cpu,"));
  EXPECT_EQ(journal().loads.back().units, stand_in::kCpuAndNeuralEngine);
}

TEST_F(CoremlFailures, AModelThatCoreMLRefusesForGoodIsNotCompiledByEveryProcess) {
  orders().refused_units = {stand_in::kCpuOnly, stand_in::kCpuAndNeuralEngine};
  const std::pair<const char*, size_t> compiled[] = {{"new", 1}, {"made anew", 2}, {"known", 2}};
  for (const auto& [which, count] : compiled) {
    EXPECT_FALSE(load(head()).ok()) << which;
    EXPECT_EQ(journal().compiled.size(), count) << which;
  }
  // Other units may still take it, without compiling.
  orders().refused_units = {};
  EXPECT_TRUE(load(head()).ok());
  EXPECT_EQ(journal().compiled.size(), 2U);
}

TEST_F(CoremlFailures, WhereMakingAnEntryAnewFailsTheFirstErrorIsNotLost) {
  ASSERT_TRUE(load(head()).ok());
  orders().refused_loads = 2;
  orders().refuses_to_compile = true;
  const auto model = load(head());
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.error().message.find(orders().refusal), std::string::npos);
  EXPECT_NE(model.error().to_string().find("compiling it anew: "), std::string::npos);
  EXPECT_NE(model.error().to_string().find("the compiler refuses it"), std::string::npos);
}

TEST_F(CoremlFailures, S1_22_ABusyNeuralEngineIsAskedAgainWhenAFunctionIsLoaded) {
  orders().busy_loads = 2;
  const auto model = load(head());
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ(journal().loads.size(), 3U);
  EXPECT_EQ((*model)->execution().compute_units, ComputeUnits::cpu_ane);
  EXPECT_FALSE(mentions((*model)->execution().notes, "runs on compute units cpu"));
  EXPECT_TRUE(mentions((*model)->execution().notes,
                       "2 calls were repeated, as the Neural Engine was busy"));
}

TEST_F(CoremlFailures, ADamagedEntryOfTheCacheIsMadeAnew) {
  ASSERT_TRUE(load(head()).ok());
  const std::filesystem::path compiled = journal().loads[0].path;
  std::ofstream(compiled / "coremldata.bin") << "damaged";
  const auto model = load(head());
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ(journal().compiled.size(), 2U);
  EXPECT_TRUE(run_once(**model).ok());
}

TEST_F(CoremlFailures, TheCompilersWordsArrive) {
  orders().refuses_to_compile = true;
  const auto model = load(head());
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
  EXPECT_NE(model.error().message.find(
                "compiling: the compiler refuses it (com.apple.CoreML 3); because: Program load "
                "failure (com.apple.appleneuralengine 6)"),
            std::string::npos)
      << model.error().message;
  EXPECT_TRUE(load(head(), Backend::automatic).ok());
}

TEST_F(CoremlFailures, S1_22_ABusyNeuralEngineIsAskedAgainAndTheReportCounts) {
  const auto model = load(head());
  ASSERT_TRUE(model.ok());
  orders().busy_predictions = 2;
  ASSERT_TRUE(run_once(**model).ok());
  EXPECT_EQ(journal().predictions_tried, 3);
  EXPECT_EQ(journal().predictions, 1);
  EXPECT_TRUE(mentions((*model)->execution().notes,
                       "2 calls were repeated, as the Neural Engine was busy"));
}

TEST_F(CoremlFailures, ABusyNeuralEngineIsNotAskedForEver) {
  const auto model = load(head());
  ASSERT_TRUE(model.ok());
  orders().busy_predictions = 100;
  const Status status = run_once(**model);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::io);
  EXPECT_EQ(journal().predictions_tried, 4);
  EXPECT_NE(status.error().to_string().find("tried 4 times"), std::string::npos);
}

TEST_F(CoremlFailures, AFailedCallAndARaisedExceptionAreErrors) {
  const auto model = load(head());
  ASSERT_TRUE(model.ok());
  orders().fails_predictions = true;
  const Status failed = run_once(**model);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::io);
  EXPECT_NE(failed.error().message.find("Unable to compute the prediction"), std::string::npos);
  EXPECT_EQ(journal().predictions_tried, 1);
  orders().raises_on_prediction = true;
  const Status raised = run_once(**model);
  ASSERT_FALSE(raised.ok());
  EXPECT_NE(
      raised.error().message.find("raised NSInternalInconsistencyException: the stand-in raises"),
      std::string::npos);
}

TEST_F(CoremlFailures, WhatOnlyTheExecutorCanIsRefusedOrGoesThere) {
  const auto load_with = [](const std::filesystem::path& path, runtime::Options options) {
    auto package = *package::open(path);
    return runtime::Model::load(std::move(package), options);
  };
  auto wanted = options(Backend::coreml, ComputeUnits::all);
  wanted.numerics = runtime::Numerics::fp32;
  const auto refused = load_with(head(), wanted);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_EQ(refused.error().hint, "--backend cpu");
  wanted.backend = Backend::automatic;
  const auto model = load_with(head(), wanted);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ((*model)->execution().backend, Backend::cpu);
  EXPECT_TRUE(mentions((*model)->execution().notes, "numerics fp32"));
  auto package = *package::open(head());
  package.path.clear();
  EXPECT_FALSE(
      runtime::Model::load(std::move(package), options(Backend::coreml, ComputeUnits::all)).ok());
  EXPECT_TRUE(journal().loads.empty());
}

}  // namespace
}  // namespace anemone
