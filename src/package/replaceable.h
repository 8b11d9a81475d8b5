#pragma once

#include <filesystem>

#include "anemone/result.h"

namespace anemone::package {

/// Whether a folder may be replaced as a package: it holds a Manifest.json of exactly this name
/// that is one, `Data`, and beside them nothing but hidden files. A link is no folder.
/// Errors: invalid_argument, with what speaks against it.
Status check_replaceable(const std::filesystem::path& path);

}  // namespace anemone::package
