// Logits do not depend on how a sequence was cut into calls: blocks, steps, rows wanted or not, and
// what was forgotten before. Whoever runs each token of many texts once relies on it.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "anemone/language_model.h"
#include "support/shared.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* model;  ///< below the repository, else below shared.
  runtime::Numerics numerics;
  int threads = 1;
};

fs::path find(const char* model) {
  const fs::path own = test::source_folder() / model;
  return fs::exists(own) ? own : test::shared_folder() / model;
}

class Cuts : public testing::TestWithParam<Case> {};

TEST_P(Cuts, S0_36_LogitsAreTheSameBitsHoweverASequenceIsCut) {
  const fs::path path = find(GetParam().model);
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not there";
  LanguageModel::Options options;
  options.hash = false;
  options.runtime.numerics = GetParam().numerics;
  options.runtime.threads = GetParam().threads;
  const auto model = LanguageModel::open(path, options);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const ModelInfo& info = (*model)->info();
  const auto vocab = static_cast<size_t>(info.vocab_size);
  const int64_t block = std::max<int64_t>(info.prefill_block_tokens, 16);
  const auto size =
      static_cast<size_t>(std::min({2 * block + 9, info.context_length, int64_t{150}}));
  std::mt19937 random(7);
  std::vector<int32_t> tokens(size);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % vocab);

  std::vector<float> straight(size * vocab);
  const auto whole = (*model)->new_sequence();
  ASSERT_TRUE((*model)->extend(*whole, tokens, Rows::all, straight).ok());

  const auto sequence = (*model)->new_sequence();
  std::vector<float> rows;
  for (int round = 0; round < 4; ++round) {
    // Goes back to somewhere, and on with other tokens first.
    const auto kept =
        static_cast<int64_t>(random() % (static_cast<size_t>(sequence->length()) + 1));
    sequence->truncate(kept);
    if (static_cast<size_t>(kept) + 3 < size) {
      const std::vector<int32_t> others(3, static_cast<int32_t>(random() % vocab));
      ASSERT_TRUE((*model)->extend(*sequence, others, Rows::none, {}).ok());
      sequence->truncate(kept);
    }
    while (static_cast<size_t>(sequence->length()) < size) {
      const auto at = static_cast<size_t>(sequence->length());
      const size_t most = round == 0 ? 1 : size - at;
      const size_t count = 1 + random() % most;
      const auto wanted = static_cast<Rows>(round == 0 ? 2 : random() % 3);
      const size_t wanted_rows = wanted == Rows::all ? count : wanted == Rows::last ? 1 : 0;
      rows.resize(wanted_rows * vocab);
      ASSERT_TRUE(
          (*model)->extend(*sequence, std::span(tokens).subspan(at, count), wanted, rows).ok());
      const auto expected =
          std::span(straight).subspan((at + count - wanted_rows) * vocab, wanted_rows * vocab);
      ASSERT_TRUE(std::ranges::equal(rows, expected))
          << "round " << round << ", " << count << " tokens at " << at;
    }
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  using runtime::Numerics;
  for (const char* model :
       {"models/anemone-tiny-anemll", "fixtures/anemll/qwen3-fp16-1chunk",
        "fixtures/anemll/qwen3-fp16-2chunk", "fixtures/anemll/qwen3-lut4-2chunk",
        "fixtures/anemll/llama-fp16-1chunk", "fixtures/anemll/gemma3-fp16-1chunk",
        "fixtures/anemll/qwen3-micro-2chunk", "fixtures/coreml/gpt2_fp16/model.mlpackage",
        "fixtures/coreml/granite_enum/model.mlpackage",
        "fixtures/coreml/granite_range/model.mlpackage",
        "fixtures/coreml/granite_multi_stateful/model.mlpackage",
        "fixtures/coreml/llama_pal4/model.mlpackage",
        "fixtures/coreml/llama_stateful/model.mlpackage",
        "fixtures/coreml/qwen3_stateful/model.mlpackage",
        "fixtures/coreml/qwen3_stateful_int4/model.mlpackage"}) {
    all.push_back({model, Numerics::fp16});
    all.push_back({model, Numerics::fp32});
  }
  for (const char* model : {"models/anemone-tiny", "fixtures/hf/gemma2", "fixtures/hf/gemma3",
                            "fixtures/hf/gpt2", "fixtures/hf/llama", "fixtures/hf/qwen3_moe"})
    all.push_back({model, Numerics::fp32});
  all.push_back({"models/anemone-tiny-anemll", Numerics::fp16, 2});
  all.push_back({"models/anemone-tiny", Numerics::fp32, 2});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Models, Cuts, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = std::string(info.param.model) + "_" + runtime::to_string(info.param.numerics) +
                     "_" + std::to_string(info.param.threads);
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace anemone::lm
