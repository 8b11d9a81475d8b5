#pragma once

#include <filesystem>

#include "calibrate/windows.h"

namespace anemone::calibrate {

/// `compare` over windows that are known. Errors: those of LanguageModel::open, of running, and
/// of add_token; mismatch (different vocabularies), interrupted.
Result<Comparison> compare_over(const Windows& windows, const std::filesystem::path& dense,
                                const std::filesystem::path& compressed, const Options& options);

}  // namespace anemone::calibrate
