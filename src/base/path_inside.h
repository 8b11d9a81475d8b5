#pragma once

#include <filesystem>
#include <string_view>

#include "anemone/result.h"

namespace anemone {

/// The existing file or folder that `name`, a relative path read from a file, means inside `root`.
/// No name leads out of `root`: absolute names, names with "..", and symbolic links that end
/// outside are refused. Links of a Hugging Face cache are followed: for a root below
/// `<repository>/snapshots/`, targets in `<repository>/blobs/` count as inside.
/// Errors: corrupt (an escape), not_found.
Result<std::filesystem::path> path_inside(const std::filesystem::path& root, std::string_view name);

}  // namespace anemone
