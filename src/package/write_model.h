#pragma once

#include <string>

#include "anemone/package.h"
#include "package/weight_plan.h"

namespace anemone::package {

/// The contents of the `.mlmodel` file of `package`, with `metadata` for its own.
/// Errors: those of `write_description`; limit (2 GiB, what protobuf can hold).
Result<std::string> write_model(const Package& package,
                                const std::map<std::string, std::string>& metadata,
                                int64_t specification_version, const WeightPlan& plan);

}  // namespace anemone::package
