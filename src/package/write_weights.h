#pragma once

#include "anemone/package.h"
#include "base/output_file.h"
#include "package/weight_plan.h"

namespace anemone::package {

/// Writes the weight file of `plan`, fetching deferred constants one at a time.
/// Errors: invalid_argument (deferred constants and nothing to fetch them with), mismatch (a part
/// of another dtype, too few or too many elements), io, and those of the callbacks.
Status write_weights(const WeightPlan& plan, const WriteOptions& options, OutputFile& file);

}  // namespace anemone::package
