#pragma once

#include <string_view>

namespace anemone::text {

/// `str.strip()` and `str.rstrip()`: what Python counts as white space, on UTF-8.
std::string_view python_strip(std::string_view text);
std::string_view python_rstrip(std::string_view text);

}  // namespace anemone::text
