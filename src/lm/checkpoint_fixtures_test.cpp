// Checkpoints that run directly, against Hugging Face's logits and greedy tokens. Tolerances:
// fixtures/hf/README.md, fp32 path.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "anemone/language_model.h"
#include "anemone/npz.h"
#include "support/shared.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kTolerance = 2e-3;

std::unique_ptr<LanguageModel> open_model(const fs::path& path, bool single_steps = false) {
  LanguageModel::Options options;
  options.single_steps = single_steps;
  auto model = LanguageModel::open(path, options);
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  return model.ok() ? *std::move(model) : nullptr;
}

std::map<std::string, Tensor> arrays(const fs::path& path) {
  std::map<std::string, Tensor> result;
  auto loaded = read_npz(path);
  EXPECT_TRUE(loaded.ok());
  if (loaded.ok())
    for (NamedTensor& array : *loaded) result[array.name] = std::move(array.tensor);
  return result;
}

std::vector<int32_t> ids_of(const Tensor& tensor) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tensor.element_count(); ++i)
    ids.push_back(static_cast<int32_t>(tensor.at(i)));
  return ids;
}

std::vector<double> log_softmax(std::span<const float> row) {
  const double top = static_cast<double>(*std::ranges::max_element(row));
  double sum = 0;
  for (const float value : row) sum += std::exp(static_cast<double>(value) - top);
  std::vector<double> result;
  for (const float value : row) result.push_back(static_cast<double>(value) - top - std::log(sum));
  return result;
}

/// The largest difference of log-probabilities at the positions whose logits are known.
double largest_error(LanguageModel& model, const std::map<std::string, Tensor>& expected,
                     const std::string& prompt) {
  const std::vector<int32_t> ids = ids_of(expected.at("ids" + prompt));
  const auto vocab = static_cast<size_t>(model.info().vocab_size);
  std::vector<float> logits(ids.size() * vocab);
  const auto sequence = model.new_sequence();
  const Status status = model.extend(*sequence, ids, Rows::all, logits);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  const Tensor& positions = expected.at("pos" + prompt);
  const auto known = expected.at("logits" + prompt).values<float>();
  EXPECT_EQ(known.size(), static_cast<size_t>(positions.element_count()) * vocab);
  double largest = 0;
  for (int64_t i = 0; i < positions.element_count(); ++i) {
    const auto at = static_cast<size_t>(positions.at(i));
    const auto got = log_softmax(std::span(logits).subspan(at * vocab, vocab));
    const auto want = log_softmax(known.subspan(static_cast<size_t>(i) * vocab, vocab));
    for (size_t v = 0; v < vocab; ++v) {
      const double error = std::fabs(got[v] - want[v]);
      if (!(error <= largest)) largest = error;
    }
  }
  return largest;
}

void expect_logits(LanguageModel& model, const fs::path& expected_path) {
  const auto expected = arrays(expected_path);
  int prompts = 0;
  for (; expected.contains("ids" + std::to_string(prompts)); ++prompts)
    EXPECT_LE(largest_error(model, expected, std::to_string(prompts)), kTolerance)
        << "prompt " << prompts;
  EXPECT_GT(prompts, 0);
}

void expect_greedy(LanguageModel& model, const fs::path& expected_path, const fs::path& greedy) {
  const auto expected = arrays(expected_path);
  std::ifstream stream(greedy);
  const Json document = Json::parse(stream);
  int number = 0;
  for (const Json& prompt : document.at("prompts")) {
    const auto name = "ids" + std::to_string(number++);
    const auto tokens = prompt.at("tokens").get<std::vector<int32_t>>();
    std::vector<int32_t> next = ids_of(expected.at(name));
    const auto sequence = model.new_sequence();
    for (size_t step = 0; step < tokens.size(); ++step) {
      const auto token = model.extend_greedy(*sequence, next);
      ASSERT_TRUE(token.ok()) << token.error().to_string();
      ASSERT_EQ(*token, tokens[step]) << name << " step " << step;
      next = {*token};
    }
  }
}

class HuggingFace : public ::testing::TestWithParam<const char*> {};

TEST_P(HuggingFace, S2_8_RunsDirectlyWithTheLogitsOfTransformers) {
  const fs::path folder = test::shared_folder() / "fixtures/hf" / GetParam();
  ANEMONE_NEED_SHARED(folder);
  for (const bool single_steps : {false, true}) {
    const auto model = open_model(folder, single_steps);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().form, "checkpoint");
    EXPECT_EQ(model->info().numerics, runtime::Numerics::fp32);
    expect_logits(*model, folder / "expected.npz");
  }
}

TEST_P(HuggingFace, S2_8_GreedyTokensAreThoseOfTransformers) {
  const fs::path folder = test::shared_folder() / "fixtures/hf" / GetParam();
  ANEMONE_NEED_SHARED(folder);
  const auto model = open_model(folder);
  ASSERT_NE(model, nullptr);
  expect_greedy(*model, folder / "expected.npz", folder / "greedy.json");
}

class OddForms : public ::testing::TestWithParam<const char*> {};

TEST_P(OddForms, S3_10_AdaptersAndOtherFilesGiveTheirLogits) {
  const fs::path folder = test::shared_folder() / "fixtures/checkpoints" / GetParam();
  ANEMONE_NEED_SHARED(folder);
  const auto model = open_model(folder);
  ASSERT_NE(model, nullptr);
  expect_logits(*model, folder / "expected.npz");
}

/// An adapter's folder, and the checkpoint in fixtures/hf that it was trained on.
struct Adapted {
  const char* adapter;
  const char* base;
};

class LaidOver : public ::testing::TestWithParam<Adapted> {};

TEST_P(LaidOver, S3_10_AnAdapterGivenBesideItsBaseGivesItsLogits) {
  const fs::path adapter = test::shared_folder() / "fixtures/checkpoints" / GetParam().adapter;
  ANEMONE_NEED_SHARED(adapter);
  LanguageModel::Options options;
  options.adapter = adapter;
  const fs::path base = test::shared_folder() / "fixtures/hf" / GetParam().base;
  const auto model = LanguageModel::open(base, options);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  expect_logits(**model, adapter / "expected.npz");
  const auto plain = open_model(base);
  ASSERT_NE(plain, nullptr);
  EXPECT_NE((*model)->info().hash, plain->info().hash);
}

INSTANTIATE_TEST_SUITE_P(
    Checkpoint, LaidOver,
    ::testing::Values(Adapted{"mlx_lora_qwen3", "qwen3"}, Adapted{"npz_lora_llama", "llama"},
                      Adapted{"npz_lora_qwen3_t", "qwen3"}, Adapted{"peft_dora_qwen3", "qwen3"},
                      Adapted{"peft_lmhead_llama31", "llama31"},
                      Adapted{"peft_lora_qwen3", "qwen3"}, Adapted{"peft_patterns_llama", "llama"}),
    [](const auto& pair) { return std::string(pair.param.adapter); });

INSTANTIATE_TEST_SUITE_P(Checkpoint, OddForms,
                         ::testing::Values("bin_llama", "mlx_lora_qwen3", "mlx_mixed_llama",
                                           "mlx_q4_qwen3", "mlx_q8_llama31", "npz_lora_llama",
                                           "npz_lora_qwen3_t", "peft_dora_qwen3",
                                           "peft_lmhead_llama31", "peft_lora_qwen3",
                                           "peft_patterns_llama", "train_qwen3"),
                         [](const auto& folder) { return std::string(folder.param); });

INSTANTIATE_TEST_SUITE_P(Checkpoint, HuggingFace,
                         ::testing::Values("gemma2", "gemma3", "gpt2", "granite", "llama",
                                           "llama31", "mistral", "olmo2", "phi3", "qwen2", "qwen3",
                                           "qwen3_moe", "smollm3"),
                         [](const auto& folder) { return std::string(folder.param); });

TEST(EmbeddedCheckpoint, S2_8_RunsDirectlyWithTheLogitsOfTransformers) {
  const fs::path models = fs::path(ANEMONE_SOURCE_DIR) / "models";
  const auto model = open_model(models / "anemone-tiny");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().architecture, "qwen3");
  expect_logits(*model, models / "expected.npz");
  expect_greedy(*model, models / "expected.npz", models / "greedy.json");
}

TEST(CheckpointForm, TheContextIsBoundByThePositionsThatTheConfigKnows) {
  const fs::path folder = fs::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny";
  std::ifstream stream(folder / "config.json");
  const auto most = Json::parse(stream).at("max_position_embeddings").get<int64_t>();
  LanguageModel::Options options;
  options.hash = false;
  for (const int64_t context : {most + 1, int64_t{-1}}) {
    options.context = context;
    const auto model = LanguageModel::open(folder, options);
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(model.error().message, "a context of " + std::to_string(context) +
                                         ", expected 1 to " + std::to_string(most));
  }
  options.context = 12;
  const auto model = LanguageModel::open(folder, options);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ((*model)->info().context_length, 12);
  EXPECT_EQ((*model)->info().hash, "");
}

TEST(CheckpointForm, NamesWhatIsWrong) {
  const fs::path folder = test::shared_folder() / "fixtures/checkpoints/broken";
  ANEMONE_NEED_SHARED(folder);
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!fs::exists(entry.path() / "model.safetensors")) continue;
    const auto model = LanguageModel::open(entry.path(), {});
    EXPECT_FALSE(model.ok()) << entry.path();
    EXPECT_TRUE(model.ok() || !model.error().message.empty());
    ++refused;
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace anemone::lm
