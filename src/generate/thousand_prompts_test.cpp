#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "generate/embedded_model_test.h"

namespace anemone::generate {
namespace {

using By = Speculation::By;

class ThousandPromptsTest : public EmbeddedModelTest {
 protected:
  std::vector<std::string> texts(const char* file, const char* key) {
    std::ifstream lines(std::filesystem::path(ANEMONE_SOURCE_DIR) / "tasks" / file);
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);)
      found.push_back(nlohmann::json::parse(line).at(key));
    return found;
  }

  /// Sentences with typos, in three forms, and pieces of prose of all lengths.
  std::vector<std::vector<int32_t>> prompts() {
    std::vector<std::vector<int32_t>> list;
    for (const std::string& sentence : texts("typos/typos.jsonl", "source"))
      for (const char* const before : {"Fix the typos: ", "", "Repeat: "})
        list.push_back(encode(before + sentence));
    const auto pages = texts("prose/prose.jsonl", "page");
    for (size_t i = 0; list.size() < 1000; ++i) {
      const auto page = encode(pages[i % pages.size()]);
      const size_t begin = i * 7 % (page.size() - 40);
      list.emplace_back(page.begin() + static_cast<ptrdiff_t>(begin),
                        page.begin() + static_cast<ptrdiff_t>(begin + 3 + i % 37));
    }
    return list;
  }
};

TEST_F(ThousandPromptsTest, S4_8_S4_21_GuessesChangeNoAnswer) {
  const auto list = prompts();
  ASSERT_GE(list.size(), 1000U);
  int64_t accepted = 0;
  int64_t drafted = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    const Generation plain = answer(list[i], {.max_tokens = 24});
    for (const By by : {By::prompt_lookup, By::ngram}) {
      const Generation guessed = answer(list[i], {.max_tokens = 24, .speculation = {.by = by}});
      ASSERT_EQ(guessed.tokens, plain.tokens) << "prompt " << i;
      ASSERT_EQ(guessed.text, plain.text) << "prompt " << i;
      accepted += guessed.accepted_tokens;
      drafted += guessed.drafted_tokens;
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(drafted, accepted) << "wrong guesses were taken back";
}

}  // namespace
}  // namespace anemone::generate
