#pragma once

#include <set>
#include <vector>

#include "runtime/draft.h"
#include "runtime/value_table.h"

namespace anemone::runtime {

/// Makes steps of drafts, in their order: kernels bound where there are some, constants expanded
/// where a step reads them. Notes when the `observed` values are there.
/// Errors: limit (of the memory for constants), out_of_range (from expanding them).
Status emit(const PlanRequest& request, std::vector<Draft>& drafts, ValueTable& table,
            const std::set<ValueId>& observed, Plan& plan);

}  // namespace anemone::runtime
