#include "text/python_strip.h"

#include <algorithm>
#include <array>

namespace anemone::text {
namespace {

/// `str.isspace` (Unicode 14), in UTF-8: bidirectional types WS, B, S and category Zs.
constexpr std::array<std::string_view, 29> kBlanks = {
    "\t",           "\n",           "\v",           "\f",           "\r",
    "\x1c",         "\x1d",         "\x1e",         "\x1f",         " ",
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

}  // namespace

std::string_view python_rstrip(std::string_view text) {
  for (;;) {
    const auto blank = std::find_if(kBlanks.begin(), kBlanks.end(),
                                    [&](std::string_view b) { return text.ends_with(b); });
    if (blank == kBlanks.end()) return text;
    text.remove_suffix(blank->size());
  }
}

std::string_view python_strip(std::string_view text) {
  for (;;) {
    const auto blank = std::find_if(kBlanks.begin(), kBlanks.end(),
                                    [&](std::string_view b) { return text.starts_with(b); });
    if (blank == kBlanks.end()) return python_rstrip(text);
    text.remove_prefix(blank->size());
  }
}

}  // namespace anemone::text
