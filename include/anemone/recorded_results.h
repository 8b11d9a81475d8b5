#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/evaluate.h"
#include "anemone/result.h"

/// Results of earlier evaluations, by whatever tool, in one form.
namespace anemone::eval {

/// The scores of one task or group.
struct RecordedTask {
  std::string name;
  std::string alias;               ///< how tables call it; the name where the file has none.
  std::optional<int64_t> shots;    ///< nothing where the file does not say.
  std::optional<int64_t> samples;  ///< documents that were scored.
  std::optional<int64_t> failed;   ///< documents without a score, as anemone writes them.
  std::string version;             ///< of the task, as text: "1.0"; may be empty.
  std::string hash;                ///< of all prompts and targets; may be empty.
  std::optional<double> seconds;   ///< wall time of this task alone; anemone only.
  std::vector<Score> scores;       ///< in the file's order; values that are not finite are nothing.
};

/// Which tool wrote a results file.
enum class ResultsFormat : uint8_t {
  anemone,  ///< the harness' layout with our key `anemone`.
  lm_eval,  ///< results_<time>.json of lm-evaluation-harness.
  mlx_lm,   ///< mlx_lm.evaluate: the harness' key `results` alone, in a file without an ending.
};
const char* to_string(ResultsFormat format);

/// One run.
struct RecordedResults {
  ResultsFormat format = ResultsFormat::lm_eval;
  std::filesystem::path path;
  std::string model;            ///< as the file names it; mlx_lm: from the file's name.
  std::string model_hash;       ///< SHA-256 of the model's files; anemone only.
  std::string numerics;         ///< or the type of the weights; may be empty.
  std::string harness_version;  ///< "0.4.13"; may be empty.
  std::optional<double> limit;
  std::optional<double> seconds;            ///< wall time of the whole run.
  std::string machine;                      ///< the processor and system; may be empty.
  bool simulated = false;                   ///< ran with the arithmetic of another processor.
  std::optional<double> weight_bytes;       ///< of the model; anemone only, as what follows.
  std::optional<double> tokens_per_second;  ///< that went through the model, of all tasks.
  std::optional<double> peak_memory_bytes;
  std::vector<RecordedTask> tasks;
  std::vector<RecordedTask> groups;
};

/// The results.json in a folder, then all results_*.json below it by their names, which hold the
/// time: the last is the newest. Errors: not_found (there is none), io.
Result<std::vector<std::filesystem::path>> results_below(const std::filesystem::path& folder);

/// Reads a file, or of a folder the last of results_below(). Errors: not_found, io, limit (a file
/// over 64 MiB, JSON nested too deep), corrupt (no JSON, or not the layout: which key).
Result<RecordedResults> read_results(const std::filesystem::path& path);

/// The same from a file's content; `name` is the file's name. Errors: corrupt, limit.
Result<RecordedResults> parse_results(std::string_view content, const std::filesystem::path& name);

/// One document of one task, and what was answered.
struct RecordedSample {
  int64_t document = 0;
  std::string filter;
  std::string document_hash;  ///< equal hashes: the same document and prompt; may be empty.
  std::string prompt_hash;
  std::string target;
  std::vector<std::string> answers;       ///< filtered, as text.
  std::map<std::string, double> metrics;  ///< those that are numbers.
  /// Those that are a pair of numbers, such as a log-likelihood and the words of the text.
  std::map<std::string, std::pair<double, double>> pairs;
  /// What was chosen: the number of the likeliest choice, the generated text, or for one
  /// continuation whether it is the greedy one. Nothing for whole texts.
  std::optional<std::string> chosen;
  std::vector<double> log_likelihoods;  ///< of the requests; empty for generated text.
  std::optional<int64_t> prompt_words;  ///< of the first request, examples and template included.
  std::optional<int64_t> target_words;  ///< where the target is a text.
};

/// The samples of a task that lie beside a file of results: samples_<task>_<time>.jsonl with the
/// time of results_<time>.json, or samples_<task>.jsonl beside a file of another name; also packed
/// with gzip. Nothing where there is none.
std::optional<std::filesystem::path> samples_beside(const std::filesystem::path& results,
                                                    std::string_view task);

/// Reads a samples_<task>_<time>.jsonl of the harness or of anemone. Errors: not_found, io, limit,
/// corrupt (the line and the key).
Result<std::vector<RecordedSample>> read_samples(const std::filesystem::path& path);

}  // namespace anemone::eval
