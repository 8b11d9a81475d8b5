#pragma once

#include <fast_float/fast_float.h>

#include <optional>
#include <string_view>
#include <system_error>

namespace anemone::tools {

/// The decimal number, also "inf" or "nan", that is the whole text, whatever the locale.
/// (std::from_chars knows no floating point in Apple's library.)
inline std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = fast_float::from_chars(text.data(), end, value);
  // Newer versions say of what is infinite or zero that it is out of range, and give it all the
  // same.
  const bool is_read = error == std::errc() || error == std::errc::result_out_of_range;
  return is_read && stop == end ? std::optional(value) : std::nullopt;
}

}  // namespace anemone::tools
