#pragma once

#include <string>

#include "anemone/result.h"

namespace anemone::tools {

/// Writes a whole file, in place of an earlier one. Errors: io.
Status write_file(const std::string& path, const std::string& text);

}  // namespace anemone::tools
