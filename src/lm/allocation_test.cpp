#include <gtest/gtest.h>

#include <filesystem>

#include "anemone/language_model.h"
#include "support/count_allocations.h"

namespace anemone::lm {
namespace {

using test::allocations;

std::unique_ptr<LanguageModel> open(const char* name, int threads) {
  auto model = LanguageModel::open(std::filesystem::path(ANEMONE_SOURCE_DIR) / "models" / name,
                                   {.runtime = {.threads = threads}, .hash = false});
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  return model.ok() ? *std::move(model) : nullptr;
}

/// What three calls of `step` allocate after two others.
template <typename Step>
int64_t steady(const Step& step) {
  for (int i = 0; i < 2; ++i) step();
  const int64_t before = allocations;
  for (int i = 0; i < 3; ++i) step();
  return allocations - before;
}

TEST(Allocation, StepsOfOneSequenceMakeNone) {
  for (const int threads : {1, 3}) {
    const auto model = open("anemone-tiny-anemll", threads);
    ASSERT_NE(model, nullptr);
    const auto sequence = model->new_sequence();
    std::vector<float> logits(static_cast<size_t>(model->info().vocab_size));
    const int32_t tokens[] = {5};
    const int32_t targets[] = {9};
    TokenScore scores[1];
    const auto extend = [&] {
      ASSERT_TRUE(model->extend(*sequence, tokens, Rows::last, logits).ok());
    };
    const auto score = [&] {
      ASSERT_TRUE(model->score(*sequence, tokens, targets, scores, ScoreBy::logits).ok());
    };
    EXPECT_EQ(steady(extend), 0) << threads;
    EXPECT_EQ(steady(score), 0) << threads;
  }
}

TEST(Allocation, StepsOfManySequencesMakeNone) {
  for (const int threads : {1, 3}) {
    const auto model = open("anemone-tiny-anemll", threads);
    ASSERT_NE(model, nullptr);
    const auto vocabulary = static_cast<size_t>(model->info().vocab_size);
    constexpr size_t kSequences = 5;
    std::vector<std::unique_ptr<Sequence>> sequences;
    std::vector<float> logits(kSequences * vocabulary);
    const int32_t tokens[] = {5};
    const int32_t targets[] = {9};
    TokenScore scores[kSequences];
    std::vector<Extension> extensions;
    std::vector<Scoring> scorings;
    for (size_t i = 0; i < kSequences; ++i) {
      sequences.push_back(model->new_sequence());
      extensions.push_back({sequences[i].get(),
                            tokens,
                            Rows::last,
                            std::span(logits).subspan(i * vocabulary, vocabulary),
                            {}});
      scorings.push_back({sequences[i].get(),
                          tokens,
                          targets,
                          std::span(scores).subspan(i, 1),
                          ScoreBy::logits,
                          {}});
    }
    const auto extend = [&] {
      model->extend_many(extensions);
      for (const Extension& each : extensions) ASSERT_TRUE(each.status.ok());
    };
    const auto score = [&] {
      model->score_many(scorings);
      for (const Scoring& each : scorings) ASSERT_TRUE(each.status.ok());
    };
    EXPECT_EQ(steady(extend), 0) << threads;
    EXPECT_EQ(steady(score), 0) << threads;
  }
}

}  // namespace
}  // namespace anemone::lm
