#include "base/utf8.h"
#include "report/page.h"

namespace anemone::report {
namespace {

/// Code points that change the direction or the look of what follows them, and controls.
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

template <typename Put>
void for_each_character(std::string_view text, Put put) {
  const auto points = decode_utf8(to_utf8(text));
  if (!points) return;
  for (const char32_t c : *points) {
    const bool is_blank = c == '\n' || c == '\t' || c == '\r';
    const char32_t shown = is_blank ? U' ' : is_hidden(c) ? U'\uFFFD' : c;
    put(shown, encode_utf8(std::u32string_view(&shown, 1)).value_or(""));
  }
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string out;
  for_each_character(text, [&](char32_t c, const std::string& character) {
    switch (c) {
      case U'&':
        out += "&amp;";
        break;
      case U'<':
        out += "&lt;";
        break;
      case U'>':
        out += "&gt;";
        break;
      case U'"':
        out += "&quot;";
        break;
      case U'\'':
        out += "&#39;";
        break;
      default:
        out += character;
    }
  });
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  for_each_character(text, [&](char32_t, const std::string& character) { out += character; });
  return out;
}

}  // namespace anemone::report
