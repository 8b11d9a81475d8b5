#pragma once

#include <filesystem>

#include "anemone/result.h"

namespace anemone::package {

/// Whether a folder may be replaced as a package: it holds a Manifest.json of exactly this name
/// that is one, the items that it lists, and beside them nothing but what the Finder leaves. A link
/// is no folder. Errors: invalid_argument, with what speaks against it.
Status check_replaceable(const std::filesystem::path& path);

/// Files that macOS leaves in any folder: `.DS_Store`, `._…`.
bool is_left_by_finder(const std::filesystem::path& path);

}  // namespace anemone::package
