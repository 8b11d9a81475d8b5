#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/aggregation.h"
#include "eval/filters.h"
#include "eval/functions.h"
#include "eval/value.h"

namespace anemone::eval {

enum class OutputType : uint8_t {
  loglikelihood,
  multiple_choice,
  loglikelihood_rolling,
  generate_until,
};
std::string_view to_string(OutputType type);

/// A field that is worked out for each document: text (a column's name or a template), a number, a
/// list, a dict, or a built-in function. Null when the task has none.
struct Field {
  Value spec;
  FieldFunction function = nullptr;
  bool given() const { return !spec.is_null(); }
};

/// How examples before the question are chosen and written; what a task leaves open is as for the
/// evaluated documents.
struct FewshotConfig {
  std::string sampler = "default";
  std::optional<std::string> split;
  Value samples;
  DocumentsFunction process_docs = nullptr;
  Field doc_to_text;
  Field doc_to_choice;
  Field doc_to_target;
  Field gen_prefix;
  std::string fewshot_delimiter;
  std::string target_delimiter;
};

struct MetricConfig {
  std::string name;
  Aggregation aggregation;
  bool higher_is_better = true;
  Value options;  ///< what else the entry of metric_list says.
};

/// A task file, checked and with defaults filled in.
struct TaskConfig {
  std::string task;
  std::string alias;
  std::string dataset_path;
  std::string dataset_name;
  Value dataset_kwargs;
  std::optional<std::string> training_split;
  std::optional<std::string> validation_split;
  std::optional<std::string> test_split;
  /// The split of the documents; a parsed task has one.
  const std::string& documents_split() const {
    return test_split ? *test_split : *validation_split;
  }
  DocumentsFunction process_docs = nullptr;
  Field doc_to_text;
  Field doc_to_target;
  Field doc_to_choice;
  ResultsFunction process_results = nullptr;
  std::string description;
  std::string target_delimiter = " ";
  std::string fewshot_delimiter = "\n\n";
  FewshotConfig fewshot;
  std::optional<int64_t> num_fewshot;
  std::vector<MetricConfig> metrics;
  std::vector<FilterPipeline> filters;  ///< at least one; the answers are scored by each.
  OutputType output_type = OutputType::generate_until;
  Value generation_kwargs;
  int64_t repeats = 1;
  Field gen_prefix;
  Value version;  ///< metadata.version, else "Yaml".
};

/// What the command line changes in a task, and what its record carries beside.
struct TaskOverrides {
  std::optional<int64_t> num_fewshot;  ///< not for tasks whose file says 0.
  Value generation_kwargs;             ///< a dict, or null.
  Value model_args;                    ///< goes into metadata.
  std::string source;                  ///< goes into metadata as config_source.
  bool predict_only = false;
};

struct ParsedTask {
  TaskConfig config;
  Value record;  ///< `configs[task]` of a results file, keys in the harness' order.
};

/// Reads the dict of a task file. Errors: invalid_argument (an unknown key or a value of the wrong
/// kind), unsupported (names the key: what other releases of this program or only Python can do).
Result<ParsedTask> parse_task(const Value& file, const TaskOverrides& overrides);

}  // namespace anemone::eval
