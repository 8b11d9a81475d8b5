#pragma once

#include "anemone/package.h"
#include "package/write_wire.h"

namespace anemone::package {

/// The contents of a ModelDescription. The one function 'main' is described at the top level, as is
/// any single function below specification 9; else each function has its own description.
/// `metadata` stands for the package's own. Errors: those of `write_feature`; invalid_argument (a
/// default function that is none).
using Metadata = std::map<std::string, std::string>;
Status write_description(Writer& message, const Package& package, const Metadata& metadata,
                         int64_t specification_version);

}  // namespace anemone::package
