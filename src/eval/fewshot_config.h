#pragma once

#include "anemone/result.h"
#include "eval/task_fields.h"

namespace anemone::eval {

/// Reads fewshot_config and what it leaves open from the keys of the task into `config.fewshot`;
/// the delimiters of `config` are already there. Returns the record of it. Errors:
/// invalid_argument, unsupported.
Result<Value> read_fewshot(const TaskFields& fields, TaskConfig& config);

}  // namespace anemone::eval
