#include <gtest/gtest.h>

#include <random>

#include "anemone/model.h"
#include "passes/configurations.h"
#include "roundtrip/models_below.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> texts(const std::vector<mil::NamedType>& names) {
  std::vector<std::string> result;
  for (const mil::NamedType& name : names) result.push_back(to_string(name.type) + name.name);
  return result;
}

class PassCorpus : public testing::TestWithParam<std::string> {};

TEST_P(PassCorpus, ProgramsVerifyKeepTheirInterfaceAndAreDoneAfterOneRun) {
  ANEMONE_NEED_SHARED(fs::path("fixtures") / GetParam());
  size_t models = 0;
  passes::Counts all;
  for (const fs::path& path : test::models_below(GetParam())) {
    SCOPED_TRACE(path);
    auto package = package::open(path);
    ASSERT_TRUE(package.ok()) << package.error().to_string();
    const mil::Program before = package->program;
    const auto reports = passes::run(package->program);
    ASSERT_TRUE(reports.ok()) << reports.error().to_string();
    for (const passes::Report& report : *reports) {
      all.removed += report.counts.removed;
      all.changed += report.counts.changed;
    }
    for (const mil::Diagnostic& fault : package::verify(*package))
      ADD_FAILURE() << fault.to_string();
    for (size_t f = 0; f < before.functions.size(); ++f) {
      EXPECT_EQ(texts(package->program.functions[f].inputs), texts(before.functions[f].inputs));
      EXPECT_EQ(package->program.functions[f].block.outputs, before.functions[f].block.outputs);
    }

    mil::Program twice = before;
    ASSERT_TRUE(passes::run(twice).ok());
    EXPECT_EQ(mil::print(twice, 64), mil::print(package->program, 64));
    const auto again = passes::run(twice);
    ASSERT_TRUE(again.ok());
    for (const passes::Report& report : *again)
      EXPECT_EQ(report.counts, passes::Counts{}) << report.pass;
    ++models;
  }
  EXPECT_GT(models, 0U);
  EXPECT_GT(all.removed + all.changed, 0);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PassCorpus, testing::Values("anemll", "coreml", "realworld"),
                         [](const auto& folder) { return folder.param; });

/// Outputs, then states, for random inputs: indices are small and within every bound.
std::vector<NamedTensor> results(const package::Package& package, const std::string& function,
                                 runtime::Numerics numerics) {
  auto model = runtime::Model::load(package, {.numerics = numerics, .threads = 1});
  if (!model.ok()) {
    ADD_FAILURE() << model.error().to_string();
    return {};
  }
  std::mt19937 random(11);
  std::vector<NamedTensor> inputs;
  for (const package::Feature& feature : package.find_function(function)->inputs) {
    const bool is_image = feature.kind == package::Feature::Kind::image;
    Tensor tensor = is_image ? Tensor::zeros(DType::fp32, {1, 3, feature.height, feature.width})
                             : Tensor::zeros(feature.dtype, Shape(feature.shape));
    for (int64_t i = 0; i < tensor.element_count(); ++i)
      tensor.set(i, is_float(tensor.dtype()) ? static_cast<double>(random() % 2048) / 1024 - 1
                                             : static_cast<double>(random() % 2));
    inputs.push_back({feature.name, std::move(tensor)});
  }
  runtime::State state = (*model)->new_state();
  auto outputs = (*model)->predict(function, inputs, &state);
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.error().to_string();
    return {};
  }
  for (const NamedTensor& tensor : state.tensors()) outputs->push_back(tensor);
  return *std::move(outputs);
}

class PassResults : public testing::TestWithParam<std::string> {};

// Folding keeps only what needs no rounding, all else moves data or shares it: no bit may change.
TEST_P(PassResults, AreTheSameBitsWithAllPassesAndWithEachAlone) {
  ANEMONE_NEED_SHARED(fs::path("fixtures") / GetParam());
  size_t models = 0;
  for (const fs::path& path : test::models_below(GetParam())) {
    const auto before = package::open(path);
    ASSERT_TRUE(before.ok()) << before.error().to_string();
    for (const package::FunctionDescription& function : before->functions)
      for (const auto numerics : {runtime::Numerics::fp16, runtime::Numerics::fp32}) {
        SCOPED_TRACE(path.string() + " " + function.name + " " + to_string(numerics));
        const auto expected = results(*before, function.name, numerics);
        ASSERT_FALSE(expected.empty());
        for (const test::Configuration& configuration : test::configurations()) {
          package::Package after = *before;
          ASSERT_TRUE(passes::run(after.program, configuration.options).ok());
          EXPECT_EQ(test::difference_in_bits(results(after, function.name, numerics), expected), "")
              << configuration.name;
        }
      }
    ++models;
  }
  EXPECT_GT(models, 0U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PassResults, testing::Values("anemll", "coreml", "realworld"),
                         [](const auto& folder) { return folder.param; });

}  // namespace
}  // namespace anemone
