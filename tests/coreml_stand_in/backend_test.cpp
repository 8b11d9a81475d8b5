#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "anemone/coreml.h"
#include "anemone/forecast.h"
#include "coreml_stand_in/backend_fixture.h"
#include "support/small_package.h"

namespace anemone {
namespace {

using runtime::Backend;
using runtime::ComputeUnits;
using stand_in::journal;
using stand_in::orders;

class CoremlBackend : public test::BackendFixture {};

TEST_F(CoremlBackend, S0_33_S2_25_S2_26_S2_27_S3_43_UnitsArePassedOnForBothForms) {
  const test::SmallPackage package;
  test::write_small_mlmodelc(package.folder());
  const auto compiled = package.folder().path() / "m.mlmodelc";
  const std::pair<ComputeUnits, int> numbers[] = {
      {ComputeUnits::all, stand_in::kAll},
      {ComputeUnits::cpu, stand_in::kCpuOnly},
      {ComputeUnits::cpu_gpu, stand_in::kCpuAndGpu},
      {ComputeUnits::cpu_ane, stand_in::kCpuAndNeuralEngine}};
  for (const auto& [units, number] : numbers)
    for (const auto& path : {package.path(), compiled}) {
      journal() = {};
      const auto model = load(path, Backend::coreml, units);
      ASSERT_TRUE(model.ok()) << model.error().to_string();
      ASSERT_EQ(journal().loads.size(), 1U);
      EXPECT_EQ(journal().loads[0].units, number);
      EXPECT_EQ((*model)->execution().backend, Backend::coreml);
      EXPECT_EQ((*model)->execution().compute_units, units);
    }
}

TEST_F(CoremlBackend, ACompiledModelIsLoadedAsItLies) {
  const test::ScratchFolder folder;
  test::write_small_mlmodelc(folder);
  ASSERT_TRUE(load(folder.path() / "m.mlmodelc").ok());
  EXPECT_TRUE(journal().compiled.empty());
  EXPECT_EQ(journal().loads[0].path, (folder.path() / "m.mlmodelc").string());
}

TEST_F(CoremlBackend, S0_24_FunctionsAreLoadedOnceEachByTheirNames) {
  const auto model = load(chunk());
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  for (const char* name : {"infer", "prefill", "infer", "prefill"})
    ASSERT_TRUE((*model)->prepare(name, {}).ok()) << name;
  ASSERT_EQ(journal().loads.size(), 2U);
  EXPECT_EQ(journal().loads[0].function, "infer");
  EXPECT_EQ(journal().loads[1].function, "prefill");
  EXPECT_EQ(journal().loads[0].units, journal().loads[1].units);
  EXPECT_EQ(journal().loads[0].path, journal().loads[1].path);
  EXPECT_EQ(journal().compiled.size(), 1U);
  // Other units are another model.
  ASSERT_TRUE(load(chunk(), Backend::coreml, ComputeUnits::cpu).ok());
  EXPECT_EQ(journal().loads.size(), 3U);
  EXPECT_EQ(journal().compiled.size(), 1U);
}

TEST_F(CoremlBackend, APackageWithoutFunctionsIsLoadedWithoutAName) {
  ASSERT_TRUE(load(head()).ok());
  EXPECT_EQ(journal().loads[0].function, "");
}

TEST_F(CoremlBackend, ResultsAreThoseOfTheProgramInTheirPlace) {
  const auto model = load(head());
  const auto executor = load_executor(head());
  ASSERT_TRUE(model.ok() && executor.ok());
  const auto& function = (*model)->package().functions[0];
  const auto runner = (*model)->prepare("main", {});
  const auto expected = (*executor)->prepare("main", {});
  ASSERT_TRUE(runner.ok() && expected.ok());
  for (const int64_t seed : {1, 2, 3}) {
    fill(**runner, function, seed);
    fill(**expected, function, seed);
    ASSERT_TRUE((*runner)->run(nullptr).ok());
    ASSERT_TRUE((*expected)->run(nullptr).ok());
    for (const std::string& name : (*runner)->output_names())
      EXPECT_TRUE(has_same_bytes(*(*runner)->output(name), *(*expected)->output(name))) << name;
  }
  EXPECT_EQ(journal().outputs_in_place, 3 * static_cast<int>(function.outputs.size()));
  EXPECT_EQ((*runner)->input("none"), nullptr);
  EXPECT_EQ((*runner)->output("none"), nullptr);
}

TEST_F(CoremlBackend, ArraysThatComeBackPaddedAreCopied) {
  orders().ignores_backings = true;
  orders().row_padding = 3;
  const auto model = load(head());
  const auto executor = load_executor(head());
  ASSERT_TRUE(model.ok() && executor.ok());
  const auto runner = (*model)->prepare("main", {});
  const auto expected = (*executor)->prepare("main", {});
  ASSERT_TRUE(runner.ok() && expected.ok());
  fill(**runner, (*model)->package().functions[0], 5);
  fill(**expected, (*model)->package().functions[0], 5);
  ASSERT_TRUE((*runner)->run(nullptr).ok());
  ASSERT_TRUE((*expected)->run(nullptr).ok());
  for (const std::string& name : (*runner)->output_names())
    EXPECT_TRUE(has_same_bytes(*(*runner)->output(name), *(*expected)->output(name))) << name;
  EXPECT_EQ(journal().outputs_in_place, 0);
}

TEST_F(CoremlBackend, ShapesOfFlexibleResultsAreKnownWhenAFunctionIsPrepared) {
  const auto model = load(embeddings());
  ASSERT_TRUE(model.ok());
  for (const int64_t tokens : {1, 64, 1, 64}) {
    const runtime::Model::InputShape shapes[] = {{"input_ids", Shape{1, tokens}}};
    const auto runner = (*model)->prepare("main", shapes);
    ASSERT_TRUE(runner.ok()) << runner.error().to_string();
    EXPECT_EQ((*runner)->output("hidden_states")->shape(), (Shape{1, tokens, 256}));
  }
  EXPECT_EQ(journal().predictions, 2);
}

TEST_F(CoremlBackend, AResultOfAnotherShapeThanItsBufferIsTakenAndTheBufferIsNotUsedAgain) {
  const auto model = load(head());
  ASSERT_TRUE(model.ok());
  const auto& function = (*model)->package().functions[0];
  const auto runner = (*model)->prepare("main", {});
  ASSERT_TRUE(runner.ok());
  const std::string name = (*runner)->output_names()[0];
  fill(**runner, function, 1);
  ASSERT_TRUE((*runner)->run(nullptr).ok());
  const Tensor whole = (*runner)->output(name)->clone();
  const auto in_place = static_cast<int>((*runner)->output_names().size());
  EXPECT_EQ(journal().outputs_in_place, in_place);
  const int64_t count = whole.element_count();
  // As many elements in another shape, fewer, and then again what the description says.
  for (const auto& shape : {std::vector<int64_t>{count, 1}, {3, 5}, {}}) {
    orders().output_shape = shape;
    for (int run = 0; run < 2; ++run) {
      ASSERT_TRUE((*runner)->run(nullptr).ok());
      const Tensor& output = *(*runner)->output(name);
      EXPECT_EQ(output.shape(), shape.empty() ? whole.shape() : Shape(shape));
      for (int64_t i = 0; i < output.element_count(); ++i)
        ASSERT_EQ(output.at(i), whole.at(i)) << i;
    }
  }
  EXPECT_EQ(journal().outputs_in_place, in_place);
}

TEST_F(CoremlBackend, CallsOfOneFunctionFromSeveralThreadsWaitForEachOther) {
  const auto model = load(head());
  const auto executor = load_executor(head());
  ASSERT_TRUE(model.ok() && executor.ok());
  const auto& function = (*model)->package().functions[0];
  constexpr int kThreads = 3;
  std::vector<std::unique_ptr<runtime::Runner>> runners;
  for (int i = 0; i < kThreads; ++i) {
    runners.push_back(*(*model)->prepare("main", {}));
    fill(*runners.back(), function, i);
  }
  orders().prediction_milliseconds = 20;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (const auto& runner : runners)
    threads.emplace_back([&] {
      for (int run = 0; run < 3; ++run) failures += runner->run(nullptr).ok() ? 0 : 1;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(journal().predictions, 3 * kThreads);
  EXPECT_EQ(journal().predictions_at_once, 1);
  const auto expected = *(*executor)->prepare("main", {});
  for (int i = 0; i < kThreads; ++i) {
    fill(*expected, function, i);
    ASSERT_TRUE(expected->run(nullptr).ok());
    for (const std::string& name : expected->output_names())
      EXPECT_TRUE(
          has_same_bytes(*runners[static_cast<size_t>(i)]->output(name), *expected->output(name)));
  }
}

TEST_F(CoremlBackend, BuffersStayBelowTheMemoryLimit) {
  auto wanted = options(Backend::coreml, ComputeUnits::cpu_ane);
  wanted.memory_limit_bytes = 15;
  const auto model = runtime::Model::load(*package::open(head()), wanted);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto runner = (*model)->prepare("main", {});
  ASSERT_FALSE(runner.ok());
  EXPECT_EQ(runner.error().code, ErrorCode::limit);
  EXPECT_NE(runner.error().message.find("hidden_states"), std::string::npos);
}

TEST_F(CoremlBackend, WhatDoesNotFitIsRefusedBeforeCoreMLSeesIt) {
  const auto model = load(head());
  ASSERT_TRUE(model.ok());
  const auto absent = (*model)->prepare("infer", {});
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  EXPECT_EQ(absent.error().hint, "there are: main");
  const runtime::Model::InputShape shapes[] = {{"hidden_states", Shape{1, 2, 256}}};
  const auto wrong = (*model)->prepare("main", shapes);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, ErrorCode::mismatch);
  EXPECT_EQ(journal().predictions_tried, 0);
}

TEST_F(CoremlBackend, PredictTakesWhatTheExecutorTakes) {
  const auto model = load(head());
  const auto executor = load_executor(head());
  ASSERT_TRUE(model.ok() && executor.ok());
  // fp32 is converted to what the program takes.
  const NamedTensor inputs[] = {
      {"hidden_states",
       Tensor::from_values<float>(DType::fp32, {1, 1, 256}, std::vector<float>(256, 0.25F))}};
  const auto outputs = (*model)->predict("main", inputs, nullptr);
  const auto expected = (*executor)->predict("main", inputs, nullptr);
  ASSERT_TRUE(outputs.ok() && expected.ok());
  ASSERT_EQ(outputs->size(), expected->size());
  for (const NamedTensor& output : *outputs) {
    const auto same = std::ranges::find(*expected, output.name, &NamedTensor::name);
    ASSERT_NE(same, expected->end());
    EXPECT_TRUE(has_same_bytes(output.tensor, same->tensor));
  }
  EXPECT_EQ((*model)->predict("main", {}, nullptr).error().code, ErrorCode::mismatch);
}

TEST_F(CoremlBackend, KernelsAreTheUnitsOfThePlan) {
  const auto model = load(chunk());
  ASSERT_TRUE(model.ok());
  const auto choices = (*model)->kernels("infer");
  ASSERT_TRUE(choices.ok()) << choices.error().to_string();
  std::map<std::string, int64_t> counts;
  for (const runtime::KernelChoice& choice : *choices) ++counts[choice.type + " " + choice.kernel];
  EXPECT_GT(counts["conv neural_engine"], 0);
  EXPECT_GT(counts["const none"], 0);
  EXPECT_EQ(counts["conv cpu"], 0);
  EXPECT_EQ((*model)->kernels("none").error().code, ErrorCode::not_found);
  // A package with several functions is planned for the one that is asked about.
  ASSERT_TRUE((*model)->kernels("prefill").ok());
  ASSERT_EQ(journal().plans.size(), 2U);
  EXPECT_EQ(journal().plans[0].function, "infer");
  EXPECT_EQ(journal().plans[1].function, "prefill");
}

TEST_F(CoremlBackend, APlanIsWhatCheckReads) {
  const auto written = runtime::compute_plan(chunk(), ComputeUnits::cpu_ane);
  ASSERT_TRUE(written.ok()) << written.error().to_string();
  folder_.write("plan.json", *written);
  const auto document = nlohmann::json::parse(*written);
  EXPECT_EQ(document["model"], "qwen_FFN_PF_chunk_01of01.mlpackage");
  EXPECT_EQ(document["compute_units"], "cpu-ane");
  ASSERT_EQ(document["functions"].size(), 2U);
  EXPECT_EQ(document["functions"][1]["name"], "prefill");
  ane::ForecastOptions wanted;
  const auto forecast = ane::forecast(chunk(), wanted);
  ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
  const auto compared = ane::compare_with_plan(*forecast, folder_.path() / "plan.json");
  ASSERT_TRUE(compared.ok()) << compared.error().to_string();
  EXPECT_GT(compared->operations, 100U);
  // Writes of states have no output to be known by.
  size_t nameless = 0;
  for (const auto& function : document["functions"])
    for (const auto& operation : function["operations"])
      if (operation["outputs"].empty()) ++nameless;
  EXPECT_EQ(compared->unmatched, nameless);
}

}  // namespace
}  // namespace anemone
