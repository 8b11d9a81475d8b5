// ANEMLL directories against Hugging Face's logits and greedy tokens. Tolerances:
// fixtures/anemll/README.md, "How near is near".

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

struct Tolerance {
  double largest;
  double mean;
};

constexpr Tolerance tolerance(runtime::Numerics numerics) {
  return numerics == runtime::Numerics::fp16 ? Tolerance{0.06, 0.008} : Tolerance{0.02, 0.003};
}

/// Greedy tokens must match while the best logit is this far ahead of the second.
constexpr double kGreedyMargin = 0.06;

std::unique_ptr<LanguageModel> open_model(const fs::path& path, runtime::Numerics numerics,
                                          bool single_steps = false) {
  LanguageModel::Options options;
  options.runtime.numerics = numerics;
  options.single_steps = single_steps;
  auto model = LanguageModel::open(path, options);
  if (!model.ok()) {
    ADD_FAILURE() << model.error().to_string();
    return nullptr;
  }
  return *std::move(model);
}

std::map<std::string, Tensor> arrays(const fs::path& path) {
  std::map<std::string, Tensor> result;
  auto loaded = read_npz(path);
  if (!loaded.ok()) {
    ADD_FAILURE() << loaded.error().to_string();
    return result;
  }
  for (NamedTensor& array : *loaded) result[array.name] = std::move(array.tensor);
  return result;
}

std::vector<int32_t> ids_of(const Tensor& tensor) {
  const auto values = tensor.values<int32_t>();
  return {values.begin(), values.end()};
}

struct Distance {
  double largest = 0;
  double mean = 0;
};

Distance distance(const Tensor& expected, const Tensor& positions, std::span<const float> logits,
                  int64_t vocab) {
  Distance result;
  for (int64_t row = 0; row < positions.element_count(); ++row)
    for (int64_t v = 0; v < vocab; ++v) {
      const auto index = static_cast<int64_t>(positions.at(row)) * vocab + v;
      const double error = std::fabs(static_cast<double>(logits[static_cast<size_t>(index)]) -
                                     expected.at(row * vocab + v));
      result.largest = std::isnan(error) ? INFINITY : std::max(result.largest, error);
      result.mean += error;
    }
  result.mean /= static_cast<double>(expected.element_count());
  return result;
}

struct Case {
  std::string folder;  ///< below fixtures/anemll
  runtime::Numerics numerics;
};

void PrintTo(const Case& test, std::ostream* stream) {
  *stream << test.folder << " " << runtime::to_string(test.numerics);
}

class AnemllFixture : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    ANEMONE_NEED_SHARED("fixtures/anemll");
    path_ = test::shared_folder() / "fixtures/anemll" / GetParam().folder;
    model_ = open_model(path_, GetParam().numerics);
    ASSERT_NE(model_, nullptr);
  }

  void compare(const fs::path& expected_file) {
    const auto expected = arrays(expected_file);
    const Tolerance bound = tolerance(GetParam().numerics);
    const int64_t vocab = model_->info().vocab_size;
    int prompts = 0;
    for (const auto& [name, ids] : expected) {
      if (!name.starts_with("ids")) continue;
      const std::string number = name.substr(3);
      const auto tokens = ids_of(ids);
      std::vector<float> logits(tokens.size() * static_cast<size_t>(vocab));
      const auto sequence = model_->new_sequence();
      const Status status = model_->extend(*sequence, tokens, Rows::all, logits);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      const Distance found =
          distance(expected.at("logits" + number), expected.at("pos" + number), logits, vocab);
      EXPECT_LE(found.largest, bound.largest) << name;
      EXPECT_LE(found.mean, bound.mean) << name;
      RecordProperty("largest" + number, std::to_string(found.largest));
      ++prompts;
    }
    EXPECT_GE(prompts, 2);
  }

  void compare_greedy(const fs::path& file) {
    std::ifstream stream(file);
    const auto golden = nlohmann::json::parse(stream);
    const auto expected = arrays(path_ / "expected.npz");
    for (const auto& prompt : golden.at("prompts")) {
      const auto sequence = model_->new_sequence();
      auto feed = ids_of(expected.at(prompt.at("prompt").get<std::string>()));
      const auto tokens = prompt.at("tokens").get<std::vector<int32_t>>();
      const auto margins = prompt.at("margins").get<std::vector<double>>();
      size_t compared = 0;
      for (size_t step = 0; step < tokens.size() && margins[step] > kGreedyMargin; ++step) {
        const auto token = model_->extend_greedy(*sequence, feed);
        ASSERT_TRUE(token.ok()) << token.error().to_string();
        EXPECT_EQ(*token, tokens[step]) << "step " << step;
        feed = {tokens[step]};
        ++compared;
      }
      EXPECT_GE(compared, 1U);
    }
  }

  fs::path path_;
  std::unique_ptr<LanguageModel> model_;
};

class AnemllLogits : public AnemllFixture {};

TEST_P(AnemllLogits, S0_56_S1_2_S1_10_EqualHuggingFaceWithinTheFixturesTolerance) {
  compare(path_ / "expected.npz");
}

TEST_P(AnemllLogits, S0_50_S1_46_S1_49_GreedyTokensEqualBeyondTheMargin) {
  compare_greedy(path_ / "greedy.json");
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.folder + "_" + runtime::to_string(info.param.numerics);
  std::ranges::replace(name, '-', '_');
  return name;
}

std::vector<Case> cases(std::initializer_list<const char*> folders) {
  std::vector<Case> result;
  for (const char* folder : folders)
    for (const auto numerics : {runtime::Numerics::fp16, runtime::Numerics::fp32})
      result.push_back({folder, numerics});
  return result;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AnemllLogits,
                         ::testing::ValuesIn(cases({"qwen3-fp16-1chunk", "qwen3-fp16-2chunk",
                                                    "qwen3-lut4-2chunk", "llama-fp16-1chunk",
                                                    "gemma3-fp16-1chunk", "qwen3-micro-2chunk"})),
                         case_name);

class AnemllArgmax : public AnemllFixture {};

TEST_P(AnemllArgmax, RefusesLogitsAndGivesGreedyTokens) {
  std::vector<float> logits(static_cast<size_t>(model_->info().vocab_size));
  const auto sequence = model_->new_sequence();
  const int32_t token[] = {5};
  const Status status = model_->extend(*sequence, token, Rows::last, logits);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_FALSE(model_->info().gives_logits);
  EXPECT_EQ(sequence->length(), 0);
  compare_greedy(path_ / "greedy.json");
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AnemllArgmax, ::testing::ValuesIn(cases({"qwen3-mono-argmax"})),
                         case_name);

/// Blocks and steps: whatever the split, a position's logits are the same bits.
class AnemllSplits : public AnemllFixture {};

TEST_P(AnemllSplits, S1_6_S1_43_S1_45_EveryPromptLengthGivesTheSameLogits) {
  const auto expected = arrays(path_ / "expected.npz");
  const auto ids = ids_of(expected.at("ids1"));
  const auto vocab = static_cast<size_t>(model_->info().vocab_size);
  std::vector<float> reference(ids.size() * vocab);
  const auto whole = model_->new_sequence();
  ASSERT_TRUE(model_->extend(*whole, ids, Rows::all, reference).ok());
  std::vector<float> last(vocab);
  for (size_t length = 1; length <= ids.size(); ++length) {
    const auto sequence = model_->new_sequence();
    ASSERT_TRUE(model_->extend(*sequence, std::span(ids).first(length), Rows::last, last).ok());
    const auto row = std::span(reference).subspan((length - 1) * vocab, vocab);
    ASSERT_TRUE(std::ranges::equal(last, row)) << "length " << length;
  }
  EXPECT_GT(model_->counters().prefill_tokens, 0U);
}

TEST_P(AnemllSplits, ForkTruncateAndResetGiveTheSameBits) {
  const auto expected = arrays(path_ / "expected.npz");
  const auto ids = ids_of(expected.at("ids1"));
  const auto vocab = static_cast<size_t>(model_->info().vocab_size);
  const size_t half = ids.size() / 2;
  std::vector<float> straight(vocab);
  std::vector<float> other(vocab);
  const auto sequence = model_->new_sequence();
  ASSERT_TRUE(model_->extend(*sequence, ids, Rows::last, straight).ok());

  const auto trunk = model_->new_sequence();
  ASSERT_TRUE(model_->extend(*trunk, std::span(ids).first(half), Rows::none, {}).ok());
  const auto fork = trunk->fork();
  const std::vector<int32_t> noise(7, 3);
  ASSERT_TRUE(model_->extend(*trunk, noise, Rows::none, {}).ok());
  ASSERT_TRUE(model_->extend(*fork, std::span(ids).subspan(half), Rows::last, other).ok());
  EXPECT_EQ(straight, other) << "fork";

  trunk->truncate(static_cast<int64_t>(half));
  ASSERT_TRUE(model_->extend(*trunk, std::span(ids).subspan(half), Rows::last, other).ok());
  EXPECT_EQ(straight, other) << "truncate";

  sequence->truncate(0);
  ASSERT_TRUE(model_->extend(*sequence, ids, Rows::last, other).ok());
  EXPECT_EQ(straight, other) << "reset";
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AnemllSplits,
                         ::testing::ValuesIn(cases({"qwen3-micro-2chunk", "qwen3-lut4-2chunk",
                                                    "llama-fp16-1chunk", "gemma3-fp16-1chunk"})),
                         case_name);

TEST(AnemllEmbedded, TinyModelEqualsHuggingFace) {
  const fs::path models = test::source_folder() / "models";
  const auto expected = arrays(models / "expected.npz");
  for (const auto numerics : {runtime::Numerics::fp16, runtime::Numerics::fp32}) {
    const auto model = open_model(models / "anemone-tiny-anemll", numerics);
    ASSERT_NE(model, nullptr);
    const int64_t vocab = model->info().vocab_size;
    for (const auto& [name, ids] : expected) {
      if (!name.starts_with("ids")) continue;
      const auto tokens = ids_of(ids);
      std::vector<float> logits(tokens.size() * static_cast<size_t>(vocab));
      const auto sequence = model->new_sequence();
      const Status status = model->extend(*sequence, tokens, Rows::all, logits);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      const Distance found = distance(expected.at("logits" + name.substr(3)),
                                      expected.at("pos" + name.substr(3)), logits, vocab);
      EXPECT_LE(found.largest, tolerance(numerics).largest) << name;
    }
  }
}

TEST(AnemllBroken, EachFaultIsNamed) {
  ANEMONE_NEED_SHARED("fixtures/anemll");
  struct Broken {
    const char* folder;
    ErrorCode code;
    std::vector<std::string> words;
  };
  const Broken kBroken[] = {
      {"broken-missing-chunk", ErrorCode::not_found, {"02of02"}},
      {"broken-state-shape", ErrorCode::mismatch, {"[4, 1, 512, 32]", "[4, 1, 256, 32]"}},
      {"broken-state-declaration", ErrorCode::mismatch, {"128", "256"}},
      {"broken-meta-syntax", ErrorCode::corrupt, {"meta.yaml", "line"}},
      {"broken-meta-values", ErrorCode::mismatch, {"context_length"}},
      {"broken-meta-no-parameters", ErrorCode::mismatch, {"parameters"}},
      {"broken-no-meta", ErrorCode::not_found, {"meta.yaml"}},
  };
  for (const Broken& broken : kBroken) {
    const auto model =
        LanguageModel::open(test::shared_folder() / "fixtures/anemll" / broken.folder, {});
    ASSERT_FALSE(model.ok()) << broken.folder;
    const std::string text = model.error().to_string();
    EXPECT_EQ(to_string(model.error().code), std::string(to_string(broken.code)))
        << broken.folder << ": " << text;
    for (const std::string& word : broken.words)
      EXPECT_NE(text.find(word), std::string::npos) << broken.folder << ": " << text;
  }
}

}  // namespace
}  // namespace anemone::lm
