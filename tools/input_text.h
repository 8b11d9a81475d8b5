#pragma once

#include <cstdint>
#include <string>

#include "anemone/result.h"

namespace anemone::tools {

/// The whole standard input, as it is.
Result<std::string> read_stdin();

/// A file as it is; "-" is the standard input. Errors: io, not_found, limit (larger than
/// `most_bytes`); all name the file.
Result<std::string> read_text(const std::string& path, uint64_t most_bytes = UINT64_MAX);

}  // namespace anemone::tools
