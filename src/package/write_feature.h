#pragma once

#include "anemone/package.h"
#include "package/write_wire.h"

namespace anemone::package {

/// The contents of a FeatureDescription.
/// Errors: unsupported (a sequence, whose elements are not kept; an array of a dtype that
/// descriptions do not know), invalid_argument (an image without a color space).
Status write_feature(Writer& message, const Feature& feature);

}  // namespace anemone::package
