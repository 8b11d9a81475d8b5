#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/evaluate.h"
#include "eval/groups.h"
#include "eval/task.h"
#include "eval/task_scores.h"

namespace anemone::eval {

/// One task of a run.
struct TaskRecord {
  TaskFacts facts;
  Value config;   ///< `configs[task]`.
  Value version;  ///< metadata.version, else "Yaml".
  int64_t shots = 0;
  std::string file;
  std::string data;
  TaskOutcome outcome;
  Work work;
};

/// Without outcome and work.
TaskRecord record_of(const Task& task);

/// What a run was, beside its tasks.
struct RunRecord {
  lm::ModelInfo model;
  std::string tokenizer_sha256;
  Options options;
  Value model_args;
  Value gen_kwargs;  ///< a dict.
  int64_t max_length = 0;
  Value chat_template;  ///< its source, or null.
  bool multiturn = false;
  Value eos_token;  ///< [text, id as text], as the harness writes them.
  Value bos_token;
  Value pad_token;
  Value end_token_id;
  double start_seconds = 0;  ///< since 1970.
  Work work;
  std::string interrupted;           ///< the task that was running when the run was stopped.
  std::vector<std::string> not_run;  ///< tasks behind it.
  std::vector<TaskGroup> groups;
};

/// The results file: the harness' keys in its order, then `version` of this layout, `failed`
/// (documents without a score, by task) and `anemone` (the model's hash, numerics and form, this
/// program's version, the machine, the work done).
Value build_results(const RunRecord& run, std::span<const TaskRecord> tasks);

/// What a results file needs beside the tasks and the settings.
struct RunTotals {
  std::span<const TaskGroup> groups;
  bool samples = false;  ///< whether they are logged; then the file has their hashes.
  Work work;
  bool is_whole = true;  ///< no task was left unfinished.
};

/// `settings` is a results file with any scores: they, the groups, the failed documents and the
/// work become those of `tasks`; what it says of how the tasks were run stays.
Value with_scores(Value settings, std::span<const TaskRecord> tasks, const RunTotals& totals);

/// The scores of a task as its record has them, for callers of the library.
std::vector<Score> scores_of(const TaskRecord& record);

/// What the harness prints of a run: its arguments, the table, and the table of groups.
std::string format_report(const Value& results, std::optional<int64_t> num_fewshot);

}  // namespace anemone::eval
