#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone::package {

/// Where Manifest.json says that the model of an .mlpackage lies, relative to the package
/// ("Data/com.apple.CoreML/model.mlmodel"). The files of all items must exist inside the package.
/// Overlays that Xcode adds (metadata, feature descriptions) are checked to exist and ignored.
/// Errors: not_found, corrupt (JSON, keys, paths that lead out), unsupported (format version).
Result<std::filesystem::path> root_model_path(const std::filesystem::path& package);

/// The path below `Data/` of the root item of a manifest; calls `item` with every item's path.
Result<std::string> parse_manifest(std::string_view json,
                                   const std::function<Status(const std::string&)>& item);

}  // namespace anemone::package
