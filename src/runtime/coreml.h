#pragma once

#include <memory>

#include "anemone/model.h"

namespace anemone::runtime {

/// The other backend's Model::load. It stands in src/coreml, where that is part of the build, and
/// in no_coreml.cpp, which only says that it is not: the linker chooses, as this module may not
/// know that one. Errors: unsupported, with Core ML's own words.
Result<std::shared_ptr<Model>> load_coreml(const package::Package& package, const Options& options);

}  // namespace anemone::runtime
