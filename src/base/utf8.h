#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace anemone {

/// Whether all of `text` is UTF-8 (shortest forms, no surrogates).
bool is_utf8(std::string_view text);

/// `text` with U+FFFD in place of each byte that is no UTF-8.
std::string to_utf8(std::string_view text);

/// The code points of `text`, or nothing when it is not UTF-8.
std::optional<std::u32string> decode_utf8(std::string_view text);

/// UTF-8 of `points`, or nothing when one of them is no code point.
std::optional<std::string> encode_utf8(std::u32string_view points);

}  // namespace anemone
