#include "lm/saved_tokens.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "anemone/language_model.h"

namespace anemone::lm {
namespace {

TEST(SavedTokens, LieTokenByToken) {
  runtime::State state(
      {{"k", Tensor::zeros(DType::fp32, {2, 3, 1})}, {"v", Tensor::zeros(DType::fp32, {1, 4, 2})}});
  for (NamedTensor& named : state.tensors()) {
    const auto values = named.tensor.mutable_values<float>();
    std::iota(values.begin(), values.end(), named.name == "k" ? 0.0F : 100.0F);
  }
  ASSERT_EQ(token_bytes(state, 3), 16U);
  EXPECT_EQ(token_bytes(state, 4), 0U) << "k has three rows";
  EXPECT_EQ(token_bytes(runtime::State({{"step", Tensor::zeros(DType::fp32, {4})}}), 1), 0U);
  std::vector<float> saved(8);
  save_tokens(state, 1, 3, std::as_writable_bytes(std::span(saved)));
  EXPECT_EQ(saved, (std::vector<float>{1, 4, 102, 103, 2, 5, 104, 105}));

  runtime::State other = state.clone();
  other.reset();
  EXPECT_EQ(restore_tokens(std::as_bytes(std::span(saved)), 1, other), 2);
  std::vector<float> again(8);
  save_tokens(other, 1, 3, std::as_writable_bytes(std::span(again)));
  EXPECT_EQ(again, saved);
  EXPECT_EQ(other.tensors()[0].tensor.at(0), 0);
  EXPECT_EQ(other.tensors()[1].tensor.at(7), 0);
}

class RestoredSequence : public testing::TestWithParam<const char*> {};

TEST_P(RestoredSequence, GoesOnAsTheOneThatWasSaved) {
  auto opened = LanguageModel::open(
      std::filesystem::path(ANEMONE_SOURCE_DIR) / "models" / GetParam(), {.hash = false});
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  LanguageModel& model = **opened;
  const auto each = static_cast<size_t>(model.saved_token_bytes());
  ASSERT_GT(each, 0U);
  std::vector<int32_t> tokens(150);
  std::iota(tokens.begin(), tokens.end(), 40);
  const auto vocabulary = static_cast<size_t>(model.info().vocab_size);
  const auto rest = [&](Sequence& sequence) {
    std::vector<float> logits(vocabulary);
    const auto left = std::span(tokens).subspan(static_cast<size_t>(sequence.length()));
    EXPECT_TRUE(model.extend(sequence, left, Rows::last, logits).ok());
    return logits;
  };
  const auto whole = model.new_sequence();
  const std::vector<float> expected = rest(*whole);

  for (const size_t kept : {1U, 64U, 100U, 149U}) {
    std::vector<std::byte> bytes(kept * each);
    model.save(*whole, 0, static_cast<int64_t>(kept), bytes);
    const size_t cut = kept / 3;
    const std::span<const std::byte> pieces[] = {std::span(bytes).first(cut * each),
                                                 std::span(bytes).subspan(cut * each)};
    const auto restored = model.restore(std::span(tokens).first(kept), pieces);
    EXPECT_EQ(restored->length(), static_cast<int64_t>(kept));
    const uint64_t before = model.counters().prefill_tokens + model.counters().step_tokens;
    EXPECT_EQ(rest(*restored), expected) << kept;
    EXPECT_LT(model.counters().prefill_tokens + model.counters().step_tokens - before,
              tokens.size() - kept + 64);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, RestoredSequence,
                         testing::Values("anemone-tiny-anemll", "anemone-tiny"),
                         [](const auto& each) {
                           return each.index == 0 ? "anemll" : "checkpoint";
                         });

}  // namespace
}  // namespace anemone::lm
