#include "base/utf8.h"

#include <utf8proc.h>

#include <array>

namespace anemone {
namespace {

/// Takes one code point off the front of `text`; false when there is none.
bool take_point(std::string_view& text, utf8proc_int32_t& point) {
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &point);
  if (size <= 0) return false;
  text.remove_prefix(static_cast<size_t>(size));
  return true;
}

}  // namespace

bool is_utf8(std::string_view text) {
  utf8proc_int32_t point = 0;
  while (!text.empty())
    if (!take_point(text, point)) return false;
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string valid;
  utf8proc_int32_t point = 0;
  while (!text.empty()) {
    const std::string_view before = text;
    if (take_point(text, point)) {
      valid += before.substr(0, before.size() - text.size());
    } else {
      valid += "\uFFFD";
      text.remove_prefix(1);
    }
  }
  return valid;
}

std::optional<std::u32string> decode_utf8(std::string_view text) {
  std::u32string points;
  utf8proc_int32_t point = 0;
  while (!text.empty()) {
    if (!take_point(text, point)) return std::nullopt;
    points += static_cast<char32_t>(point);
  }
  return points;
}

std::optional<std::string> encode_utf8(std::u32string_view points) {
  std::string text;
  for (const char32_t point : points) {
    if (point > 0x10ffff || !utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(point)))
      return std::nullopt;
    std::array<utf8proc_uint8_t, 4> units{};
    const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), units.data());
    text.append(reinterpret_cast<const char*>(units.data()), static_cast<size_t>(size));
  }
  return text;
}

}  // namespace anemone
