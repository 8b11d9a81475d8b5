#pragma once

#include <optional>
#include <string_view>

namespace anemone {

/// The double nearest to a decimal number that is the whole text ("-1.5e3", "inf", "nan"), whatever
/// the locale: numbers past the largest are infinite, those below the smallest are zero. Nothing
/// for other text, a leading plus or spaces. (std::from_chars knows no floating point in Apple's
/// library.)
std::optional<double> read_number(std::string_view text);

/// The same of hexadecimal digits with a binary exponent ("1.8p-3"), without prefix and sign.
std::optional<double> read_hex_number(std::string_view text);

}  // namespace anemone
