#pragma once

#include <string>

#include "anemone/result.h"

namespace anemone::tools {

/// The whole standard input, as it is.
Result<std::string> read_stdin();

/// A file as it is; "-" is the standard input. Errors: io, not_found (name the file).
Result<std::string> read_text(const std::string& path);

}  // namespace anemone::tools
