#include "anemone/evaluate.h"
#include "coreml_stand_in/backend_fixture.h"
#include "eval/evaluate_test.h"
#include "eval/value.h"

namespace anemone {
namespace {

using runtime::Backend;
using runtime::ComputeUnits;
using stand_in::orders;

class CoremlEvaluation : public test::BackendFixture {
 protected:
  static Result<std::unique_ptr<lm::LanguageModel>> open() {
    lm::LanguageModel::Options options;
    options.runtime = BackendFixture::options(Backend::coreml, ComputeUnits::cpu_ane);
    return lm::LanguageModel::open(tiny(), options);
  }
  /// The results file of one short task.
  Result<eval::Value> evaluate(lm::LanguageModel& model) {
    folder_.write("tasks/colours.yaml", eval::kColours);
    folder_.write("tasks/colours.jsonl", eval::kColourRows);
    eval::Options options;
    options.places.include_paths = {folder_.path() / "tasks"};
    options.tasks = {"colours"};
    const auto tokenizer = *text::Tokenizer::load(test::source_folder() / "models/anemone-tiny");
    ANEMONE_TRY(const auto report, eval::evaluate(model, tokenizer, options, nullptr,
                                                  [](LogLevel, std::string_view) {}));
    return eval::Value::parse(report.results);
  }
  static std::vector<std::string> notes(const eval::Value& results) {
    return results["anemone"]["model"]["backend_notes"].get<std::vector<std::string>>();
  }
};

TEST_F(CoremlEvaluation, S1_22_CallsThatWereRepeatedMeanwhileAreInTheResults) {
  const auto model = open();
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  orders().busy_predictions = 2;
  const auto results = evaluate(**model);
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_TRUE(mentions(notes(*results), "2 calls were repeated, as the Neural Engine was busy"));
  EXPECT_EQ((*results)["config"]["device"], "cpu-ane");
  EXPECT_EQ((*results)["config"]["model_args"]["compute_units"], "cpu-ane");
}

TEST_F(CoremlEvaluation, S0_66_ScoresOfCoreMLsCpuAreNotCalledTheNeuralEngines) {
  orders().refused_units = {stand_in::kCpuAndNeuralEngine};
  const auto model = open();
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto results = evaluate(**model);
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_EQ((*results)["config"]["device"], "cpu");
  EXPECT_EQ((*results)["config"]["model_args"]["backend"], "coreml");
  EXPECT_EQ((*results)["config"]["model_args"]["compute_units"], "cpu");
  EXPECT_EQ((*results)["anemone"]["model"]["compute_units"], "cpu");
  EXPECT_TRUE(mentions(notes(*results), "runs on compute units cpu, as Core ML refuses it"));
}

}  // namespace
}  // namespace anemone
