// Language models made by coremltools against torch's logits. Tolerances:
// fixtures/coreml/README.md; twice the check of each package's info.json on log-softmax, fp32 at
// least 2e-3.

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

Json read_json(const fs::path& path) {
  std::ifstream stream(path);
  return Json::parse(stream);
}

std::map<std::string, Tensor> arrays(const fs::path& path) {
  std::map<std::string, Tensor> result;
  auto loaded = read_npz(path);
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().to_string());
  if (loaded.ok())
    for (NamedTensor& array : *loaded) result[array.name] = std::move(array.tensor);
  return result;
}

std::vector<double> log_softmax(std::span<const double> row) {
  const double top = *std::ranges::max_element(row);
  double sum = 0;
  for (const double value : row) sum += std::exp(value - top);
  std::vector<double> result;
  for (const double value : row) result.push_back(value - top - std::log(sum));
  return result;
}

/// One stretch of tokens that is fed to a fresh sequence, and the calls whose logits are known.
struct Stretch {
  std::vector<int32_t> tokens;
  struct Known {
    std::string suffix;  ///< of `positions` and `logits` in expected.npz
    std::string prefix;
    int64_t start = 0;  ///< position of the call's first token
  };
  std::vector<Known> known;
};

std::string ids_name(const std::map<std::string, Tensor>& inputs, const std::string& prefix,
                     const std::string& suffix) {
  for (const char* name : {"input_ids", "inputIds"})
    if (inputs.contains(prefix + name + suffix)) return prefix + name + suffix;
  return "";
}

void append(std::vector<int32_t>& tokens, const Tensor& ids) {
  for (int64_t i = 0; i < ids.element_count(); ++i)
    tokens.push_back(static_cast<int32_t>(ids.at(i)));
}

std::vector<Stretch> stretches(const fs::path& folder, const Json& info,
                               const std::map<std::string, Tensor>& inputs) {
  std::vector<Stretch> result;
  if (fs::exists(folder / "script.json")) {
    const Json script = read_json(folder / "script.json");
    for (size_t call = 0; call < script.size(); ++call) {
      if (script[call].at("new_state").get<bool>()) result.emplace_back();
      const std::string suffix = "_" + std::to_string(call);
      result.back().known.push_back(
          {suffix, "", static_cast<int64_t>(result.back().tokens.size())});
      append(result.back().tokens, inputs.at(ids_name(inputs, "", suffix)));
    }
    return result;
  }
  std::vector<std::pair<std::string, std::string>> calls;
  if (!ids_name(inputs, "", "").empty()) calls.emplace_back("", "");
  for (int call = 0; !ids_name(inputs, "", "_" + std::to_string(call)).empty(); ++call)
    calls.emplace_back("", "_" + std::to_string(call));
  for (const auto& function : info.at("functions"))
    if (!ids_name(inputs, function.get<std::string>() + "_", "").empty())
      calls.emplace_back(function.get<std::string>() + "_", "");
  for (const auto& [prefix, suffix] : calls) {
    Stretch& stretch = result.emplace_back();
    append(stretch.tokens, inputs.at(ids_name(inputs, prefix, suffix)));
    stretch.known.push_back({suffix, prefix, 0});
  }
  return result;
}

double largest_error(const Tensor& expected, const Tensor& positions, int64_t start,
                     std::span<const float> logits, int64_t vocab) {
  EXPECT_GT(positions.element_count(), 0);
  double largest = 0;
  std::vector<double> want(static_cast<size_t>(vocab));
  std::vector<double> got(static_cast<size_t>(vocab));
  for (int64_t row = 0; row < positions.element_count(); ++row) {
    const int64_t position = start + static_cast<int64_t>(positions.at(row));
    for (int64_t v = 0; v < vocab; ++v) {
      want[static_cast<size_t>(v)] = expected.at(row * vocab + v);
      got[static_cast<size_t>(v)] =
          static_cast<double>(logits[static_cast<size_t>(position * vocab + v)]);
    }
    const auto a = log_softmax(want);
    const auto b = log_softmax(got);
    for (size_t v = 0; v < a.size(); ++v) {
      const double error = std::fabs(a[v] - b[v]);
      largest = std::isnan(error) ? INFINITY : std::max(largest, error);
    }
  }
  return largest;
}

void compare_folder(const fs::path& folder, runtime::Numerics numerics) {
  const Json info = read_json(folder / "info.json");
  const auto inputs = arrays(folder / "inputs.npz");
  const auto expected = arrays(folder / "expected.npz");
  const auto stretch_list = stretches(folder, info, inputs);
  ASSERT_FALSE(stretch_list.empty()) << "no array of token ids";
  SCOPED_TRACE(folder.filename().string() + " " + runtime::to_string(numerics));
  const bool is_fp16 = numerics == runtime::Numerics::fp16 && info.contains("fp16_check");
  const double check = info.at(is_fp16 ? "fp16_check" : "fp32_check").get<double>();
  const double bound = is_fp16 ? 2 * check : std::max(2 * check, 2e-3);

  LanguageModel::Options options;
  options.runtime.numerics = numerics;
  auto model = LanguageModel::open(folder / "model.mlpackage", options);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const int64_t vocab = (*model)->info().vocab_size;
  for (const Stretch& stretch : stretch_list) {
    std::vector<float> logits(stretch.tokens.size() * static_cast<size_t>(vocab));
    const auto sequence = (*model)->new_sequence();
    const Status status = (*model)->extend(*sequence, stretch.tokens, Rows::all, logits);
    ASSERT_TRUE(status.ok()) << status.error().to_string();
    for (const Stretch::Known& known : stretch.known) {
      const double error = largest_error(expected.at(known.prefix + "logits" + known.suffix),
                                         expected.at(known.prefix + "positions" + known.suffix),
                                         known.start, logits, vocab);
      EXPECT_LE(error, bound) << known.prefix << known.suffix;
    }
  }
}

std::vector<std::string> language_model_folders() {
  std::vector<std::string> folders;
  const fs::path root = test::shared_folder() / "fixtures/coreml";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename().string();
    if (name != "cnn_rgb" && name != "lstm") folders.push_back(name);
  }
  std::ranges::sort(folders);
  return folders;
}

class CoremlLanguageModel : public ::testing::TestWithParam<std::string> {};

TEST_P(CoremlLanguageModel, S0_58_S0_62_LogitsWithinTwiceTheCheckInFp16) {
  compare_folder(test::shared_folder() / "fixtures/coreml" / GetParam(), runtime::Numerics::fp16);
}

TEST_P(CoremlLanguageModel, LogitsWithinTwiceTheCheckInFp32) {
  compare_folder(test::shared_folder() / "fixtures/coreml" / GetParam(), runtime::Numerics::fp32);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, CoremlLanguageModel,
                         ::testing::ValuesIn(language_model_folders()),
                         [](const auto& test) { return test.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CoremlLanguageModel);

TEST(CoremlLanguageModels, FixturesArePresent) {
  ANEMONE_NEED_SHARED("fixtures/coreml");
  EXPECT_GE(language_model_folders().size(), 30U);
}

}  // namespace
}  // namespace anemone::lm
