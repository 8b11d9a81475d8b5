#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "anemone/convert.h"
#include "anemone/language_model.h"
#include "anemone/npz.h"

/// Opening what was converted and holding its logits against expected values.
namespace anemone::test {

inline bool converted(const std::filesystem::path& checkpoint, const std::filesystem::path& out,
                      const ConvertOptions& options) {
  const auto report = convert(checkpoint, out, options);
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return report.ok();
}

inline std::unique_ptr<lm::LanguageModel> opened(const std::filesystem::path& path,
                                                 runtime::Numerics numerics) {
  lm::LanguageModel::Options options;
  options.runtime.numerics = numerics;
  auto model = lm::LanguageModel::open(path, options);
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  return model.ok() ? *std::move(model) : nullptr;
}

using Arrays = std::map<std::string, Tensor>;

inline Arrays read_arrays(const std::filesystem::path& path) {
  Arrays arrays;
  auto loaded = read_npz(path);
  EXPECT_TRUE(loaded.ok());
  if (loaded.ok())
    for (NamedTensor& array : *loaded) arrays[array.name] = std::move(array.tensor);
  return arrays;
}

inline std::vector<double> log_softmax(std::span<const float> row) {
  const auto top = static_cast<double>(*std::ranges::max_element(row));
  double sum = 0;
  for (const float value : row) sum += std::exp(static_cast<double>(value) - top);
  std::vector<double> result;
  for (const float value : row) result.push_back(static_cast<double>(value) - top - std::log(sum));
  return result;
}

/// Logits after every token of `ids{prompt}`, of the first `most` tokens at most.
inline std::vector<float> logits_of(lm::LanguageModel& model, const Arrays& expected,
                                    const std::string& prompt, int64_t most = 1 << 20) {
  std::vector<int32_t> ids;
  const Tensor& given = expected.at("ids" + prompt);
  for (int64_t i = 0; i < std::min(most, given.element_count()); ++i)
    ids.push_back(static_cast<int32_t>(given.at(i)));
  std::vector<float> logits(ids.size() * static_cast<size_t>(model.info().vocab_size));
  const auto sequence = model.new_sequence();
  const Status status = model.extend(*sequence, ids, lm::Rows::all, logits);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  return logits;
}

/// The largest difference at the positions whose logits are known: of log-probabilities, or of the
/// logits themselves. Infinite if one of them is no number.
inline double largest_error(lm::LanguageModel& model, const Arrays& expected,
                            const std::string& prompt, bool of_probabilities,
                            int64_t most = 1 << 20) {
  const auto vocab = static_cast<size_t>(model.info().vocab_size);
  const std::vector<float> logits = logits_of(model, expected, prompt, most);
  const Tensor& positions = expected.at("pos" + prompt);
  const Tensor& known = expected.at("logits" + prompt);
  const auto values = known.values<float>();
  double largest = 0;
  int64_t compared = 0;
  for (int64_t i = 0; i < positions.element_count(); ++i) {
    const auto at = static_cast<size_t>(positions.at(i)) * vocab;
    if (at >= logits.size()) continue;
    ++compared;
    const auto row = std::span(logits).subspan(at, vocab);
    const auto wanted = values.subspan(static_cast<size_t>(i) * vocab, vocab);
    const auto got = log_softmax(row);
    const auto want = log_softmax(wanted);
    for (size_t v = 0; v < vocab; ++v) {
      const double error =
          of_probabilities ? std::abs(got[v] - want[v])
                           : std::abs(static_cast<double>(row[v]) - static_cast<double>(wanted[v]));
      if (!std::isfinite(error)) return std::numeric_limits<double>::infinity();
      largest = std::max(largest, error);
    }
  }
  EXPECT_GT(compared, 0);
  return largest;
}

/// Greedy tokens after each prompt, until one differs whose margin over the next best is at most
/// `margin`; any other difference is a fault.
inline void expect_greedy(lm::LanguageModel& model, const Arrays& expected,
                          const std::filesystem::path& greedy, double margin) {
  std::ifstream stream(greedy);
  const auto document = nlohmann::json::parse(stream);
  for (const auto& prompt : document.at("prompts")) {
    const Tensor& given = expected.at(prompt.at("prompt").get<std::string>());
    std::vector<int32_t> next;
    for (int64_t i = 0; i < given.element_count(); ++i)
      next.push_back(static_cast<int32_t>(given.at(i)));
    const auto sequence = model.new_sequence();
    for (size_t step = 0; step < prompt.at("tokens").size(); ++step) {
      const auto token = model.extend_greedy(*sequence, next);
      ASSERT_TRUE(token.ok()) << token.error().to_string();
      if (*token != prompt.at("tokens")[step].get<int32_t>()) {
        EXPECT_LE(prompt.at("margins")[step].get<double>(), margin)
            << prompt.at("prompt") << " step " << step;
        break;
      }
      next = {*token};
    }
  }
}

}  // namespace anemone::test
