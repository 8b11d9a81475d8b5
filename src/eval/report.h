#pragma once

#include <span>

#include "anemone/evaluate.h"
#include "eval/results.h"

namespace anemone::eval {

/// What a run says to its caller. Samples move out of `tasks`.
Report make_report(const RunRecord& run, std::span<TaskRecord> tasks);

}  // namespace anemone::eval
