#pragma once

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "anemone/compare.h"
#include "support/golden.h"
#include "support/scratch_folder.h"

namespace anemone::compare {

inline std::filesystem::path golden_folder() {
  return test::source_folder() / "tests/golden/compare";
}

inline Result<Comparison> compare_golden(const Options& options = {}) {
  const std::vector<Input> inputs = {{"fp16", golden_folder() / "fp16/results.json"},
                                     {"lut4", golden_folder() / "lut4/results.json"}};
  return compare(inputs, options);
}

inline const ScoreRow* find(const Comparison& found, std::string_view task,
                            std::string_view metric) {
  for (const ScoreRow& row : found.scores)
    if (row.task == task && row.metric == metric) return &row;
  return nullptr;
}

inline const Measure* find(const Comparison& found, std::string_view name) {
  for (const Measure& measure : found.measures)
    if (measure.name == name) return &measure;
  return nullptr;
}

/// Two tiny runs whose samples are written out.
class Runs : public ::testing::Test {
 protected:
  void write(const std::string& run, const std::string& results, const std::string& samples = {}) {
    folder_.write(run + "/results_1.json", results);
    if (!samples.empty()) folder_.write(run + "/samples_t_1.jsonl", samples);
  }
  /// `better`: what the file says of the direction, "true" or "false".
  static std::string results(double accuracy, const std::string& more = {},
                             const std::string& better = "true") {
    return R"({"results": {"t": {"alias": "t", "acc,none": )" + nlohmann::json(accuracy).dump() +
           R"(, "acc_stderr,none": 0.25}}, "higher_is_better": {"t": {"acc": )" + better +
           R"(}}, "model_name": "m")" + more + "}";
  }
  /// Writes a run of these numbers, one a document, whose mean is its score.
  void write_numbers(const std::string& run, const std::vector<double>& numbers,
                     const std::string& better = "true") {
    std::string samples;
    double sum = 0;
    for (size_t i = 0; i < numbers.size(); ++i) {
      samples += sample(static_cast<int>(i), numbers[i], "h" + std::to_string(i));
      sum += numbers[i];
    }
    write(run, results(sum / static_cast<double>(numbers.size()), {}, better), samples);
  }
  static std::string sample(int document, double accuracy, const std::string& hash) {
    return nlohmann::json{
               {"doc_id", document},
               {"filter", "none"},
               {"doc_hash", hash},
               {"metrics", {"acc"}},
               {"acc", accuracy},
               {"target", "x"},
               {"filtered_resps", nlohmann::json::array({nlohmann::json::array({"-1.5", "False"}),
                                                         nlohmann::json::array({"-2", "False"})})}}
               .dump() +
           "\n";
  }
  Result<Comparison> run(const Options& options = {}) {
    const std::vector<Input> inputs = {{"a", folder_.path() / "a"}, {"b", folder_.path() / "b"}};
    return compare(inputs, options);
  }
  test::ScratchFolder folder_;
};

}  // namespace anemone::compare
