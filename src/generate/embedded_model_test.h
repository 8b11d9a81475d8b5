#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "anemone/generate.h"

namespace anemone::generate {

/// Tests with the embedded model.
class EmbeddedModelTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto folder = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
    auto model = lm::LanguageModel::open(folder, {});
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    model_ = *std::move(model);
    auto tokenizer = text::Tokenizer::load(folder);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().to_string();
    tokenizer_.emplace(*std::move(tokenizer));
  }

  std::vector<int32_t> encode(std::string_view text) {
    auto ids = tokenizer_->encode(text, true);
    EXPECT_TRUE(ids.ok()) << ids.error().to_string();
    return ids.ok() ? *std::move(ids) : std::vector<int32_t>{};
  }

  Generation answer(std::span<const int32_t> prompt, const Options& options) {
    auto result = generate(*model_, *tokenizer_, prompt, options);
    EXPECT_TRUE(result.ok()) << result.error().to_string();
    return result.ok() ? *std::move(result) : Generation{};
  }

  std::unique_ptr<lm::LanguageModel> model_;
  std::optional<text::Tokenizer> tokenizer_;
};

}  // namespace anemone::generate
