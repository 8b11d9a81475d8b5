#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/evaluate.h"
#include "eval/outcome.h"
#include "eval/questionnaire.h"
#include "eval/results.h"
#include "eval/run_plan.h"
#include "eval/task.h"

namespace anemone::eval {

/// A task of a run, what it asks, and what came of it.
struct AskedTask {
  Task task;
  Answers answers;
  size_t open_questions = 0;
  Work work;
  std::optional<TaskRecord> record;  ///< when all is answered.
};

/// Reads the documents of a task and builds their requests. Errors: as evaluate.
Result<AskedTask> open_task(const PlannedTask& planned, const RunPlan& plan, const Options& options,
                            const RenderTemplate& render, const LogSink& log);

/// Reads the documents of every task and builds their requests, so that a fault in one is found
/// before the model runs. Errors: as evaluate.
Result<std::vector<AskedTask>> open_tasks(const RunPlan& plan, const Options& options,
                                          const LogSink& log);

/// Puts all requests of the tasks as questions, and counts what they take. Errors: interrupted.
Status put_questions(std::span<AskedTask> tasks, Questionnaire& questionnaire,
                     const ProgressSink& progress);

/// "1 document", "2 documents".
std::string counted(uint64_t count, std::string_view what);

}  // namespace anemone::eval
