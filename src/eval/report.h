#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "anemone/evaluate.h"
#include "eval/results.h"

namespace anemone::eval {

/// What a run says to its caller. Samples move out of `tasks`.
Report make_report(const RunRecord& run, std::span<TaskRecord> tasks);

/// The same of a finished run whose results file is there.
Report make_report(const Value& results, std::span<TaskRecord> tasks, const RunTotals& totals,
                   std::optional<int64_t> num_fewshot);

}  // namespace anemone::eval
