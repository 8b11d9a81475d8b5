#pragma once

#include <string>
#include <string_view>

namespace anemone::package {

/// Manifest.json as coremltools lays it out. The identifiers are drawn from `model`, the bytes of
/// the model file, so that equal packages are equal files.
std::string write_manifest(std::string_view model);

}  // namespace anemone::package
