// The monolith of the layout anemll beside the one that ANEMLL's own converter made of the same
// checkpoint.

#include <gmock/gmock.h>

#include "anemone/package.h"
#include "convert/anemll_directory.h"
#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kContext = 256;
constexpr int64_t kBatch = 32;

/// Tolerances: fixtures/anemll/README.md, "How near is near".
constexpr double kExactTolerance = 0.02;
constexpr double kRoundedTolerance = 0.06;

ConvertOptions monolith(bool argmax) {
  return {.layout = "anemll",
          .monolith = true,
          .argmax = argmax,
          .context = kContext,
          .prefill = {kBatch}};
}

std::vector<std::string> names_of(const std::vector<package::Feature>& features) {
  std::vector<std::string> names;
  for (const auto& feature : features) names.push_back(feature.name);
  return names;
}

class AnemllMonolith : public ::testing::Test {
 protected:
  fs::path fixtures() const { return test::shared_folder() / "fixtures"; }
  fs::path known() const { return fixtures() / "anemll/qwen3-mono-argmax"; }
  fs::path qwen() const { return fixtures() / "anemll/checkpoints/tiny-qwen3"; }
  fs::path out() const { return scratch_.path() / "out"; }

 private:
  test::ScratchFolder scratch_;
};

TEST_F(AnemllMonolith, HasThePackageAndInterfaceOfAnemllsOwn) {
  ANEMONE_NEED_SHARED(known());
  ASSERT_TRUE(test::converted(qwen(), out(), monolith(true)));
  test::expect_same_directory(out(), known());
  const auto directory = package::open_anemll(out());
  ASSERT_TRUE(directory.ok());
  EXPECT_TRUE(directory->monolithic);
  EXPECT_TRUE(directory->argmax_in_model);
}

TEST_F(AnemllMonolith, HasTheGreedyTokensOfTransformers) {
  ANEMONE_NEED_SHARED(known());
  ASSERT_TRUE(test::converted(qwen(), out(), monolith(true)));
  const test::Arrays expected = test::read_arrays(known() / "expected.npz");
  for (const auto numerics : {runtime::Numerics::fp32, runtime::Numerics::fp16}) {
    const auto model = test::opened(out(), numerics);
    ASSERT_NE(model, nullptr);
    EXPECT_FALSE(model->info().gives_logits);
    EXPECT_EQ(model->info().form, "anemll-monolithic");
    test::expect_greedy(*model, expected, known() / "greedy.json", kRoundedTolerance);
  }
}

void expect_logits(const fs::path& out, const test::Arrays& expected) {
  for (const auto& [numerics, tolerance] :
       {std::pair{runtime::Numerics::fp32, kExactTolerance},
        std::pair{runtime::Numerics::fp16, kRoundedTolerance}}) {
    const auto model = test::opened(out, numerics);
    ASSERT_NE(model, nullptr);
    EXPECT_LE(test::largest_error(*model, expected, "0", false), tolerance);
    EXPECT_LE(test::largest_error(*model, expected, "1", false), tolerance);
  }
}

/// The long prompt passes whole blocks, whose `prefill` gives the logits of every position.
TEST_F(AnemllMonolith, HasTheLogitsOfTransformersWithoutArgmax) {
  ANEMONE_NEED_SHARED(known());
  ASSERT_TRUE(test::converted(qwen(), out(), monolith(false)));
  const auto package = package::open(out() / "qwen_monolithic_full.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_FALSE(package->metadata.contains("com.anemll.argmax_in_model"));
  const auto* infer = package->find_function("infer");
  const auto* prefill = package->find_function("prefill");
  ASSERT_NE(infer, nullptr);
  ASSERT_NE(prefill, nullptr);
  ASSERT_EQ(infer->outputs.size(), 16u);
  EXPECT_EQ(names_of(infer->outputs), names_of(prefill->outputs));
  EXPECT_THAT(infer->outputs[15].shape, ElementsAre(1, 1, 64));
  EXPECT_THAT(prefill->outputs[15].shape, ElementsAre(1, kBatch, 64));
  const test::Arrays expected = test::read_arrays(known() / "expected.npz");
  expect_logits(out(), expected);
  const auto model = test::opened(out(), runtime::Numerics::fp16);
  ASSERT_NE(model, nullptr);
  test::expect_greedy(*model, expected, known() / "greedy.json", kRoundedTolerance);
  test::logits_of(*model, expected, "1");
  EXPECT_GT(model->counters().prefill_tokens, 0u);
}

/// Of Llama only the last row leaves `prefill`.
TEST_F(AnemllMonolith, OfLlamaHasTheLogitsOfTransformers) {
  ANEMONE_NEED_SHARED(known());
  ASSERT_TRUE(
      test::converted(fixtures() / "anemll/checkpoints/tiny-llama", out(), monolith(false)));
  const auto package = package::open(out() / "llama_monolithic_full.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  const auto* prefill = package->find_function("prefill");
  ASSERT_NE(prefill, nullptr);
  ASSERT_EQ(prefill->outputs.size(), 8u);
  EXPECT_THAT(prefill->outputs[0].shape, ElementsAre(1, 1, 512));
  EXPECT_THAT(prefill->states.at(0).shape, ElementsAre(4, 1, 512, 32));
  expect_logits(out(), test::read_arrays(fixtures() / "anemll/llama-fp16-1chunk/expected.npz"));
}

/// Of Gemma 3 hidden states leave `prefill`, and past the window other functions go on.
TEST_F(AnemllMonolith, OfGemmaRotatesItsCaches) {
  const fs::path folder = fixtures() / "hf/gemma3";
  ANEMONE_NEED_SHARED(folder);
  ConvertOptions options = monolith(false);
  options.context = 160;
  options.prefill = {8};
  ASSERT_TRUE(test::converted(folder, out(), options));
  const auto package = package::open(out() / "gemma3_monolithic_full.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_EQ(package->default_function, "infer");
  EXPECT_EQ(package->functions.size(), 4u);
  for (const char* name : {"prefill", "prefill_rotate"}) {
    const auto* prefill = package->find_function(name);
    ASSERT_NE(prefill, nullptr);
    EXPECT_THAT(names_of(prefill->outputs), ElementsAre("output_hidden_states"));
    EXPECT_EQ(prefill->outputs[0].shape[1], 1);
  }
  for (const char* name : {"infer", "infer_rotate"}) {
    const auto* infer = package->find_function(name);
    ASSERT_NE(infer, nullptr);
    EXPECT_EQ(infer->outputs.size(), 16u);
    EXPECT_EQ(infer->states.size(), 2u);
  }
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  const auto model = test::opened(out(), runtime::Numerics::fp32);
  ASSERT_NE(model, nullptr);
  for (const char* prompt : {"0", "1", "2"})
    EXPECT_LE(test::largest_error(*model, expected, prompt, true), 0.03);
  test::expect_greedy(*model, expected, folder / "greedy.json", 0.03);
}

TEST_F(AnemllMonolith, RefusesWhatItIsNot) {
  const fs::path tiny = test::source_folder() / "models/anemone-tiny";
  const auto refusal = [&](const ConvertOptions& options) {
    const auto report = convert(tiny, out(), options);
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(fs::exists(out()));
    return report.ok() ? Error{} : report.error();
  };
  for (const char* layout : {"anemone", "stateful", "plain"}) {
    const Error error = refusal({.layout = layout, .monolith = true});
    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    EXPECT_THAT(error.to_string(), HasSubstr("no monolith"));
  }
  const Error chunks = refusal({.layout = "anemll", .argmax = true});
  EXPECT_EQ(chunks.code, ErrorCode::invalid_argument);
  EXPECT_THAT(chunks.to_string(), HasSubstr("arg max"));
  EXPECT_EQ(refusal({.layout = "anemll", .monolith = true, .chunks = 2}).code,
            ErrorCode::invalid_argument);
}

TEST_F(AnemllMonolith, KnowsTheFamiliesOfAnemll) {
  const fs::path folder = fixtures() / "hf/gpt2";
  ANEMONE_NEED_SHARED(folder);
  const auto report = convert(folder, out(), {.layout = "anemll", .monolith = true});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::unsupported);
  EXPECT_THAT(report.error().to_string(), HasSubstr("gpt2"));
}

}  // namespace
}  // namespace anemone
