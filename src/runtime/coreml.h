#pragma once

#include <memory>
#include <string_view>

#include "anemone/model.h"

namespace anemone::runtime {

/// The other backend's Model::load. It stands in src/coreml, where that is part of the build, and
/// in no_coreml.cpp, which only says that it is not: the linker chooses, as this module may not
/// know that one. Errors: unsupported, with Core ML's own words.
Result<std::shared_ptr<Model>> load_coreml(const package::Package& package, const Options& options);

/// Names the folder of compiled packages.
inline constexpr const char* kCompiledCacheVariable = "ANEMONE_COMPILED_CACHE";

/// Stands in the note of each function that Core ML runs on its CPU because it refuses the units
/// that were asked for.
inline constexpr std::string_view kRefusedUnits =
    "runs on compute units cpu, as Core ML refuses it";

}  // namespace anemone::runtime
