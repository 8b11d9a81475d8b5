#pragma once

#include "anemone/package.h"
#include "package/wire.h"

namespace anemone::package {

/// Reads a `FeatureDescription` message. Errors: corrupt, unsupported (rank).
Result<Feature> read_feature(const Message& message);

}  // namespace anemone::package
