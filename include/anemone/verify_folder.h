#pragma once

#include <filesystem>
#include <vector>

#include "anemone/result.h"

namespace anemone::lm {

/// Holds the files of an `anemone` model directory against its anemone.json: files that it lists
/// and that are missing (not_found) or have other contents (mismatch: digest and expected), and the
/// architecture against config.json. Empty: no fault, or a directory in another form. Reads every
/// listed file. Whether the packages join, `LanguageModel::open` says. Any thread.
std::vector<Error> verify_folder(const std::filesystem::path& path);

}  // namespace anemone::lm
