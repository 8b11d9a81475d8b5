#include "anemone/language_model.h"

#include <cstring>
#include <numeric>

#include "coreml_stand_in/backend_fixture.h"

namespace anemone {
namespace {

using lm::LanguageModel;
using lm::Rows;
using runtime::Backend;
using runtime::ComputeUnits;
using stand_in::journal;
using stand_in::orders;

class CoremlLanguageModel : public test::BackendFixture {
 protected:
  static Result<std::unique_ptr<LanguageModel>> open(Backend backend) {
    LanguageModel::Options options;
    options.runtime = test::BackendFixture::options(backend, ComputeUnits::cpu_ane);
    options.hash = false;
    return LanguageModel::open(tiny(), options);
  }
  static std::vector<int32_t> tokens(size_t count) {
    std::vector<int32_t> ids(count);
    for (size_t i = 0; i < count; ++i) ids[i] = static_cast<int32_t>(i * 131 % 4000);
    return ids;
  }
};

TEST_F(CoremlLanguageModel, AModelOfThreePackagesGivesTheLogitsOfTheExecutor) {
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto executor = open(Backend::cpu);
  ASSERT_TRUE(executor.ok());
  EXPECT_EQ((*model)->info().execution.backend, Backend::coreml);
  EXPECT_EQ((*model)->info().execution.compute_units, ComputeUnits::cpu_ane);
  EXPECT_EQ((*executor)->info().execution.backend, Backend::cpu);
  const auto vocabulary = static_cast<size_t>((*model)->info().vocab_size);
  std::vector<float> ours(vocabulary);
  std::vector<float> theirs(vocabulary);
  const auto sequence = (*model)->new_sequence();
  const auto expected = (*executor)->new_sequence();
  const auto extend = [&](size_t count) {
    const auto ids = tokens(count);
    ASSERT_TRUE((*model)->extend(*sequence, ids, Rows::last, ours).ok());
    ASSERT_TRUE((*executor)->extend(*expected, ids, Rows::last, theirs).ok());
    EXPECT_EQ(std::memcmp(ours.data(), theirs.data(), vocabulary * sizeof(float)), 0) << count;
  };
  extend(70);  // a block and six steps.
  extend(1);
  sequence->truncate(66);
  expected->truncate(66);
  extend(2);
  const auto fork = sequence->fork();
  const auto before = ours;
  extend(3);
  const auto ids = tokens(1);
  ASSERT_TRUE((*model)->extend(*fork, ids, Rows::last, ours).ok());
  ASSERT_TRUE((*executor)->extend(*expected, {}, Rows::none, {}).ok());
  expected->truncate(68);
  ASSERT_TRUE((*executor)->extend(*expected, ids, Rows::last, theirs).ok());
  EXPECT_EQ(ours, theirs);
}

TEST_F(CoremlLanguageModel, S1_20_TheVariableIsSetBeforeTheFirstCallAndReported) {
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(stand_in::variable_at_first_call(), "1");
  EXPECT_TRUE(
      mentions((*model)->info().execution.notes, "COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE=1"));
  setenv("COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE", "0", 1);
  const auto other = open(Backend::coreml);
  setenv("COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE", "1", 1);
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE(mentions((*other)->info().execution.notes,
                       "COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE=0, not as wanted"));
}

TEST_F(CoremlLanguageModel, StepsTouchNoState) {
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok());
  const auto sequence = (*model)->new_sequence();
  ASSERT_TRUE((*model)->extend(*sequence, tokens(65), Rows::none, {}).ok());
  const int touched = journal().states_touched;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*model)->extend_greedy(*sequence, tokens(1)).ok());
  EXPECT_EQ(journal().states_touched, touched);
}

TEST_F(CoremlLanguageModel, S0_66_AFallbackNamesItsPackage) {
  orders().refused_units = {stand_in::kCpuAndNeuralEngine};
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(mentions((*model)->info().execution.notes,
                       "qwen_FFN_PF_chunk_01of01.mlpackage: function 'infer' runs on compute "
                       "units cpu"));
}

TEST_F(CoremlLanguageModel, S0_66_S1_22_WhatHappensAfterItWasOpenedIsInItsExecution) {
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok());
  const auto sequence = (*model)->new_sequence();
  orders().busy_predictions = 2;
  ASSERT_TRUE((*model)->extend_greedy(*sequence, tokens(3)).ok());
  const char* const words = "2 calls were repeated, as the Neural Engine was busy";
  EXPECT_TRUE(mentions((*model)->execution().notes, words));
  EXPECT_FALSE(mentions((*model)->info().execution.notes, words));
}

TEST_F(CoremlLanguageModel, S0_66_UnitsAreThoseThatItsPackagesRunOn) {
  orders().refused_units = {stand_in::kCpuAndNeuralEngine};
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ((*model)->execution().compute_units, ComputeUnits::cpu);
  EXPECT_EQ((*model)->info().execution.compute_units, ComputeUnits::cpu);
}

TEST_F(CoremlLanguageModel, ASequenceWhoseMemoryIsLostIsNotSavedAndSaysSo) {
  const auto model = open(Backend::coreml);
  ASSERT_TRUE(model.ok());
  const auto sequence = (*model)->new_sequence();
  ASSERT_TRUE((*model)->extend_greedy(*sequence, tokens(3)).ok());
  EXPECT_TRUE(sequence->sync().ok());
  ASSERT_TRUE((*model)->extend_greedy(*sequence, tokens(1)).ok());
  orders().loses_states = true;
  const auto fork = sequence->fork();
  orders().loses_states = false;
  EXPECT_EQ(fork->sync().error().code, ErrorCode::io);
  EXPECT_EQ((*model)->extend_greedy(*fork, tokens(1)).error().code, ErrorCode::io);
}

TEST_F(CoremlLanguageModel, ACheckpointIsNoPackage) {
  LanguageModel::Options options;
  options.runtime = test::BackendFixture::options(Backend::coreml, ComputeUnits::all);
  const auto model = LanguageModel::open(test::source_folder() / "models/anemone-tiny", options);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
  EXPECT_NE(model.error().hint.find("anemone convert"), std::string::npos);
}

}  // namespace
}  // namespace anemone
