#pragma once

#include <string>

#include "anemone/result.h"

namespace anemone::tools {

/// Whether `write_file` will find a place for the file. Leaves nothing behind. Errors: io.
Status check_file(const std::string& path);

/// Writes a whole file, in place of an earlier one, which stays as it is on an error. Errors: io.
Status write_file(const std::string& path, const std::string& text);

}  // namespace anemone::tools
