#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/evaluate.h"
#include "eval/groups.h"
#include "eval/outcome.h"
#include "eval/task.h"

namespace anemone::eval {

/// One task of a run.
struct TaskRecord {
  const Task* task = nullptr;
  TaskOutcome outcome;
  Work work;
};

/// What a run was, beside its tasks.
struct RunRecord {
  lm::ModelInfo model;
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

/// What the harness prints of a run: its arguments, the table, and the table of groups.
std::string format_report(const Value& results, std::optional<int64_t> num_fewshot);

}  // namespace anemone::eval
