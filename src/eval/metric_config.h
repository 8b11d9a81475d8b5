#pragma once

#include "anemone/result.h"
#include "eval/task_fields.h"

namespace anemone::eval {

/// Reads process_results, metric_list and filter_list into `config`, whose output type is already
/// there; without metric_list the metrics are those of the output type, and none when only answers
/// are wanted. Errors: invalid_argument, unsupported.
Status read_metrics(const TaskFields& fields, bool predict_only, TaskConfig& config);

}  // namespace anemone::eval
