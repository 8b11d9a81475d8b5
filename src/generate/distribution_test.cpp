#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "anemone/generate.h"
#include "generate/alphabet_model.h"

namespace anemone::generate {
namespace {

constexpr size_t kSize = static_cast<size_t>(kLetters);

/// What AlphabetModel says of the letter after `last`: 2 for the next, 1 for the second after it.
std::array<double, kSize> probabilities_after(int32_t last) {
  const auto next = static_cast<size_t>(last == 2 ? 3 : last + 1) % kSize;
  std::array<double, kSize> shares;
  shares.fill(1);
  shares[next] = std::exp(2.0);
  shares[(next + 2) % kSize] = std::exp(1.0);
  const double sum = std::exp(2.0) + std::exp(1.0) + static_cast<double>(kSize) - 2;
  for (double& share : shares) share /= sum;
  return shares;
}

/// Three drawn letters, whoever guesses them before: Pearson's chi-square over all 216 texts.
TEST(Distribution, S4_21_DrawnTokensFollowTheModelWhateverIsGuessed) {
  constexpr int kDraws = 20000;
  // Quantiles of chi-square with 215 degrees of freedom at 1e-4 and 1 - 1e-4.
  constexpr double kLeast = 146.28;
  constexpr double kMost = 300.80;
  const auto tokenizer = alphabet_tokenizer();
  ASSERT_TRUE(tokenizer.ok());
  AlphabetModel model;
  AlphabetModel wrong(2);
  using By = Speculation::By;
  for (lm::LanguageModel* const draft :
       std::initializer_list<lm::LanguageModel*>{nullptr, &model, &wrong}) {
    std::array<int, kSize* kSize* kSize> counts = {};
    Options options = {.max_tokens = 3, .sampling = {.temperature = 1}};
    if (draft != nullptr) options.speculation = {.by = By::draft_model, .draft = draft};
    const int32_t prompt[] = {0};
    for (int seed = 0; seed < kDraws; ++seed) {
      options.sampling.seed = static_cast<uint64_t>(seed);
      const auto drawn = generate(model, *tokenizer, prompt, options);
      ASSERT_TRUE(drawn.ok()) << drawn.error().to_string();
      ASSERT_EQ(drawn->tokens.size(), 3U);
      size_t text = 0;
      for (const int32_t token : drawn->tokens) text = text * kSize + static_cast<size_t>(token);
      ++counts[text];
    }
    double chi_square = 0;
    for (size_t text = 0; text < counts.size(); ++text) {
      const size_t letters[] = {text / kSize / kSize, text / kSize % kSize, text % kSize};
      double expected = kDraws;
      int32_t last = 0;
      for (const size_t letter : letters) {
        expected *= probabilities_after(last)[letter];
        last = static_cast<int32_t>(letter);
      }
      chi_square += (counts[text] - expected) * (counts[text] - expected) / expected;
    }
    EXPECT_LT(chi_square, kMost);
    EXPECT_GT(chi_square, kLeast) << "draws that are spread more evenly than chance does";
  }
}

}  // namespace
}  // namespace anemone::generate
