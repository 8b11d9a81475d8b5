#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "anemone/evaluate.h"
#include "anemone/simulate.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::simulate {
namespace {

const std::filesystem::path kModel = test::source_folder() / "models" / "anemone-tiny-anemll";
constexpr const char* kText =
    "The first rule of a garden is that nothing grows in a hurry. Water, light and time do the "
    "work; the gardener only watches and pulls the weeds.";

Result<Report> simulated(int threads, runtime::Isa isa, const ProgressSink& progress = {}) {
  const auto tokenizer = text::Tokenizer::load(kModel);
  if (!tokenizer.ok()) return tokenizer.error();
  lm::LanguageModel::Options options;
  options.runtime.threads = threads;
  options.runtime.isa = isa;
  return run_text(kModel, *tokenizer, kText, options, progress);
}

TEST(RunText, TellsRangesAndCostOfTheEmbeddedModel) {
  const auto report = simulated(2, runtime::Isa::automatic);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->passed());
  EXPECT_EQ(report->windows, 1);
  ASSERT_EQ(report->stream.size(), 11u) << "five layers of two branches, and what enters them";
  EXPECT_EQ(report->stream[0].name, "embedding");
  EXPECT_EQ(report->stream[1].name, "layer.0.attention");
  EXPECT_EQ(report->stream[10].name, "layer.4");
  EXPECT_EQ(report->stream[10].origin.part, "layer.4.mlp");
  for (const Peak& peak : report->stream) {
    EXPECT_GT(peak.largest, 0) << peak.name;
    EXPECT_TRUE(peak.is_safe()) << peak.name;
  }
  EXPECT_FALSE(report->whole_windows);
  EXPECT_TRUE(report->stream[10].token.has_value());
  EXPECT_FALSE(report->saturations.empty());
  ASSERT_TRUE(report->perplexity && report->perplexity_fp32 && report->top1_agreement);
  EXPECT_NEAR(*report->perplexity / *report->perplexity_fp32, 1, 0.05);
  EXPECT_NE(*report->perplexity, *report->perplexity_fp32);
  EXPECT_GT(*report->top1_agreement, 0.8);
  RecordProperty("perplexity_ratio",
                 std::to_string(*report->perplexity / *report->perplexity_fp32));
}

TEST(RunText, PerplexityInFp32IsThatOfEvaluation) {
  const auto report = simulated(2, runtime::Isa::automatic);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const auto tokenizer = text::Tokenizer::load(kModel);
  lm::LanguageModel::Options options;
  options.runtime.numerics = runtime::Numerics::fp32;
  const auto model = lm::LanguageModel::open(kModel, options);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto expected = eval::perplexity(**model, *tokenizer, kText, {}, {});
  ASSERT_TRUE(expected.ok()) << expected.error().to_string();
  EXPECT_EQ(report->tokens, static_cast<int64_t>(expected->tokens));
  EXPECT_NEAR(*report->perplexity_fp32, expected->token_perplexity,
              1e-6 * expected->token_perplexity);
}

/// All that is said of the simulation, which no thread and no instruction set changes.
void expect_same(const Report& a, const Report& b) {
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.windows, b.windows);
  EXPECT_EQ(a.whole_windows, b.whole_windows);
  EXPECT_TRUE(a.stream == b.stream);
  EXPECT_TRUE(a.overflows == b.overflows);
  EXPECT_TRUE(a.saturations == b.saturations);
  EXPECT_EQ(a.first_unsafe, b.first_unsafe);
  EXPECT_EQ(a.perplexity, b.perplexity);
}

TEST(RunText, IsTheSameForAllThreadsAndInstructionSets) {
  const auto one = simulated(1, runtime::Isa::automatic);
  const auto three = simulated(3, runtime::Isa::automatic);
  const auto scalar = simulated(2, runtime::Isa::scalar);
  ASSERT_TRUE(one.ok() && three.ok() && scalar.ok());
  ASSERT_FALSE(one->stream.empty() || one->saturations.empty());
  expect_same(*one, *three);
  EXPECT_EQ(one->perplexity_fp32, three->perplexity_fp32);
  EXPECT_EQ(one->top1_agreement, three->top1_agreement);
  expect_same(*one, *scalar);
  EXPECT_NEAR(*scalar->perplexity_fp32 / *one->perplexity_fp32, 1, 1e-5);
}

TEST(RunText, StopsWhenAsked) {
  const auto report = simulated(1, runtime::Isa::automatic, [](const Progress& progress) {
    EXPECT_EQ(progress.stage, "simulate");
    return progress.done < 3;
  });
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::interrupted);
}

TEST(RunText, RefusesModelsThatDoNotSayTheirContext) {
  const test::ScratchFolder scratch;
  const auto copy = scratch.path() / "model";
  std::filesystem::copy(kModel, copy, std::filesystem::copy_options::recursive);
  std::ifstream original(kModel / "meta.yaml");
  std::ofstream meta(copy / "meta.yaml", std::ios::trunc);
  for (std::string line; std::getline(original, line);)
    if (line.find("context_length:") == std::string::npos) meta << line << '\n';
  meta.close();
  const auto tokenizer = text::Tokenizer::load(kModel);
  ASSERT_TRUE(tokenizer.ok());
  const auto report = run_text(copy, *tokenizer, kText, {}, {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::unsupported);
}

TEST(RunText, RefusesCheckpointsAndEmptyTexts) {
  const auto tokenizer = text::Tokenizer::load(kModel);
  ASSERT_TRUE(tokenizer.ok());
  const auto checkpoint =
      run_text(test::source_folder() / "models" / "anemone-tiny", *tokenizer, kText, {}, {});
  ASSERT_FALSE(checkpoint.ok());
  EXPECT_EQ(checkpoint.error().code, ErrorCode::unsupported);
  const auto nothing = run_text(kModel, *tokenizer, "", {}, {});
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace anemone::simulate
