#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "anemone/evaluate.h"
#include "eval/catalogue.h"
#include "eval/groups.h"
#include "eval/prompt.h"
#include "eval/task_config.h"

/// What a run does, as far as its options say it without a model.
namespace anemone::eval {

/// One task that is run, as its file and the options have it.
struct PlannedTask {
  CatalogueEntry entry;
  ParsedTask parsed;
};

struct RunPlan {
  std::map<std::string, std::vector<int64_t>>
      samples;       ///< documents by task, where they are chosen.
  Value gen_kwargs;  ///< a dict.
  PromptOptions prompt;
  Value chat_template;  ///< its source, or null.
  std::vector<PlannedTask> tasks;
  std::vector<TaskGroup> groups;  ///< of the tasks.
};

/// Reads the options and the files of the tasks they name. `model_args` go into the records of the
/// tasks; may be null. Errors: as evaluate.
Result<RunPlan> plan_run(const Options& options, const text::Tokenizer& tokenizer,
                         const Value& model_args, const LogSink& log);

/// Errors: not_found (a folder of data sets is named, and there is none).
Status check_data_folder(const TaskPlaces& places);

}  // namespace anemone::eval
