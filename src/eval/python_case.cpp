#include "eval/python_case.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "eval/python_text.h"

namespace anemone::eval::python {
namespace {

enum class LetterCase : uint8_t { none, upper, lower, title };

using Range = std::pair<char32_t, char32_t>;

/// Unicode's Other_Uppercase and Other_Lowercase: signs that count as letters with case.
constexpr std::array<Range, 5> kOtherUpper = {{{0x2160, 0x216f},
                                               {0x24b6, 0x24cf},
                                               {0x1f130, 0x1f149},
                                               {0x1f150, 0x1f169},
                                               {0x1f170, 0x1f189}}};
constexpr std::array<Range, 24> kOtherLower = {
    {{0xaa, 0xaa},       {0xba, 0xba},       {0x2b0, 0x2b8},     {0x2c0, 0x2c1},
     {0x2e0, 0x2e4},     {0x345, 0x345},     {0x37a, 0x37a},     {0x1d2c, 0x1d6a},
     {0x1d78, 0x1d78},   {0x1d9b, 0x1dbf},   {0x2071, 0x2071},   {0x207f, 0x207f},
     {0x2090, 0x209c},   {0x2170, 0x217f},   {0x24d0, 0x24e9},   {0x2c7c, 0x2c7d},
     {0xa69c, 0xa69d},   {0xa770, 0xa770},   {0xa7f8, 0xa7f9},   {0xab5c, 0xab5f},
     {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba}}};

bool is_in(std::span<const Range> ranges, char32_t character) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return character >= range.first && character <= range.second;
  });
}

LetterCase case_of(char32_t character) {
  if (character > 0x10ffff) return LetterCase::none;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(character))) {
    case UTF8PROC_CATEGORY_LU:
      return LetterCase::upper;
    case UTF8PROC_CATEGORY_LL:
      return LetterCase::lower;
    case UTF8PROC_CATEGORY_LT:
      return LetterCase::title;
    default:
      return is_in(kOtherUpper, character)   ? LetterCase::upper
             : is_in(kOtherLower, character) ? LetterCase::lower
                                             : LetterCase::none;
  }
}

bool has_only(std::string_view text, LetterCase wanted) {
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const LetterCase found = case_of(point.value);
    if (found != LetterCase::none && found != wanted) return false;
    any = any || found == wanted;
    i += point.size_bytes;
  }
  return any;
}

}  // namespace

bool is_upper(std::string_view text) { return has_only(text, LetterCase::upper); }

bool is_lower(std::string_view text) { return has_only(text, LetterCase::lower); }

}  // namespace anemone::eval::python
