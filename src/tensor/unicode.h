#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "anemone/result.h"

namespace anemone {

/// NumPy's `U` text: little-endian UTF-32 code units, padded with zeros at the end.
/// Errors: corrupt (no code point).
Result<std::string> utf32_to_utf8(std::span<const std::byte> units);

struct Utf32Column {
  size_t width = 1;  ///< code units of one element; NumPy has none of width 0.
  std::string data;  ///< all elements, each padded to `width`.
};
/// Errors: invalid_argument (no UTF-8).
Result<Utf32Column> utf8_to_utf32(std::span<const std::string> texts);

}  // namespace anemone
