#pragma once

#include <cstdint>
#include <filesystem>

#include "anemone/result.h"

namespace anemone {

/// Errors: io when the file system of `folder` has less room than `needed` bytes. A folder that
/// cannot be asked counts as room: writing will tell.
Status check_space(const std::filesystem::path& folder, uint64_t needed);

}  // namespace anemone
