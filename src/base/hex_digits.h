#pragma once

#include <span>
#include <string>

namespace anemone {

/// Two lower-case hexadecimal digits for each byte.
std::string hex_digits(std::span<const unsigned char> bytes);

}  // namespace anemone
