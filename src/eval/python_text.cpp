#include "eval/python_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "eval/upper_expansions.h"

namespace anemone::eval::python {
namespace {

void append(std::string& text, char32_t character) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size));
}

bool is_valid(const CodePoint& point) { return point.value <= 0x10ffff; }

constexpr char32_t kInvalid = 0xffffffff;
constexpr char32_t kCapitalSigma = 0x3a3;

/// A letter with case, for the final sigma rule (Cased of Unicode's definition 135).
bool is_cased(char32_t character) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(character))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return false;
  }
}

/// Characters that the final sigma rule looks through (Case_Ignorable of definition 136).
bool is_case_ignorable(char32_t character) {
  switch (character) {
    case '\'':
    case '.':
    case ':':
    case 0xb7:
    case 0x2018:
    case 0x2019:
    case 0x2024:
    case 0x2027:
      return true;
    default:
      break;
  }
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(character))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return false;
  }
}

bool is_final_sigma(std::string_view text, size_t offset, size_t size) {
  bool cased_before = false;
  for (size_t i = 0; i < offset;) {
    const CodePoint point = code_point_at(text, i);
    if (is_valid(point) && !is_case_ignorable(point.value)) cased_before = is_cased(point.value);
    i += point.size_bytes;
  }
  if (!cased_before) return false;
  for (size_t i = offset + size; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    if (!is_valid(point)) return true;
    if (!is_case_ignorable(point.value)) return !is_cased(point.value);
    i += point.size_bytes;
  }
  return true;
}

void append_lower(std::string& out, std::string_view text, size_t offset, const CodePoint& point) {
  if (!is_valid(point)) {
    out.append(text.substr(offset, point.size_bytes));
  } else if (point.value == 0x130) {
    out.append("i\xcc\x87");
  } else if (point.value == kCapitalSigma) {
    append(out, is_final_sigma(text, offset, point.size_bytes) ? 0x3c2 : 0x3c3);
  } else {
    append(out,
           static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value))));
  }
}

}  // namespace

CodePoint code_point_at(std::string_view text, size_t offset) {
  utf8proc_int32_t value = -1;
  const auto size =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + offset),
                       static_cast<utf8proc_ssize_t>(text.size() - offset), &value);
  if (size <= 0) return {kInvalid, 1};
  return {static_cast<char32_t>(value), static_cast<size_t>(size)};
}

bool is_space(char32_t character) {
  return (character >= 0x09 && character <= 0x0d) || (character >= 0x1c && character <= 0x20) ||
         character == 0x85 || character == 0xa0 || character == 0x1680 ||
         (character >= 0x2000 && character <= 0x200a) || character == 0x2028 ||
         character == 0x2029 || character == 0x202f || character == 0x205f || character == 0x3000;
}

size_t length(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); i += code_point_at(text, i).size_bytes) ++count;
  return count;
}

std::string_view lstrip(std::string_view text) {
  size_t begin = 0;
  while (begin < text.size()) {
    const CodePoint point = code_point_at(text, begin);
    if (!is_space(point.value)) break;
    begin += point.size_bytes;
  }
  return text.substr(begin);
}

std::string_view rstrip(std::string_view text) {
  size_t end = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    i += point.size_bytes;
    if (!is_space(point.value)) end = i;
  }
  return text.substr(0, end);
}

std::string_view strip(std::string_view text) { return rstrip(lstrip(text)); }

bool starts_with_space(std::string_view text) {
  return !text.empty() && is_space(code_point_at(text, 0).value);
}

bool ends_with_space(std::string_view text) { return rstrip(text).size() != text.size(); }

std::string lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    append_lower(out, text, i, point);
    i += point.size_bytes;
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const auto expansion =
        std::lower_bound(kUpperExpansions.begin(), kUpperExpansions.end(), point.value,
                         [](const auto& entry, char32_t value) { return entry.first < value; });
    if (!is_valid(point)) {
      out.append(text.substr(i, point.size_bytes));
    } else if (expansion != kUpperExpansions.end() && expansion->first == point.value) {
      for (const char32_t part : expansion->second)
        if (part != 0) append(out, part);
    } else {
      append(out,
             static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(point.value))));
    }
    i += point.size_bytes;
  }
  return out;
}

std::string without_punctuation(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(point.value));
    const bool punctuation =
        is_valid(point) && category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
    if (!punctuation) out.append(text.substr(i, point.size_bytes));
    i += point.size_bytes;
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  static constexpr std::array<std::pair<char32_t, std::string_view>, 8> kExpanding = {{
      {0xdf, "Ss"},
      {0xfb00, "Ff"},
      {0xfb01, "Fi"},
      {0xfb02, "Fl"},
      {0xfb03, "Ffi"},
      {0xfb04, "Ffl"},
      {0xfb05, "St"},
      {0xfb06, "St"},
  }};
  const CodePoint first = code_point_at(text, 0);
  std::string out;
  out.reserve(text.size());
  if (!is_valid(first)) {
    out.append(text.substr(0, first.size_bytes));
  } else {
    bool expanded = false;
    for (const auto& [character, title] : kExpanding) {
      if (character != first.value) continue;
      out.append(title);
      expanded = true;
    }
    if (!expanded)
      append(out,
             static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(first.value))));
  }
  for (size_t i = first.size_bytes; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    append_lower(out, text, i, point);
    i += point.size_bytes;
  }
  return out;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, begin)) {
    out.append(text.substr(begin, at - begin));
    out.append(to);
    begin = at + from.size();
  }
  out.append(text.substr(begin));
  return out;
}

size_t count_split_words(std::string_view text) {
  size_t runs = 0;
  bool in_space = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const bool space = is_space(point.value);
    if (space && !in_space) ++runs;
    in_space = space;
    i += point.size_bytes;
  }
  return runs + 1;
}

std::optional<int64_t> parse_int(std::string_view text) {
  text = strip(text);
  std::string digits;
  size_t i = 0;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') digits.push_back('-');
    i = 1;
  }
  bool digit_before = false;
  for (; i < text.size(); ++i) {
    if (text[i] == '_' && digit_before) {
      digit_before = false;
      continue;
    }
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    digits.push_back(text[i]);
    digit_before = true;
  }
  if (!digit_before) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool is_punctuation(char c) {
  return (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) ||
         (c >= 0x7b && c <= 0x7e);
}

bool is_ascii_digits(std::string_view text) {
  for (const char c : text)
    if (c < '0' || c > '9') return false;
  return !text.empty();
}

}  // namespace anemone::eval::python
