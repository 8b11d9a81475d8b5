#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "anemone/result.h"

namespace anemone::eval {

/// The contents of a gzip file, several members joined. Errors: corrupt; limit (more than
/// `most_bytes` come out).
Result<std::string> gunzip(std::span<const std::byte> bytes, size_t most_bytes);

}  // namespace anemone::eval
