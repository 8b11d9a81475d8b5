#pragma once

#include <filesystem>

#include "anemone/result.h"

namespace anemone {

/// The error with `final` wherever it speaks of `staged`, a place that is gone when it is read.
Error with_final_path(Error error, const std::filesystem::path& staged,
                      const std::filesystem::path& final);

}  // namespace anemone
