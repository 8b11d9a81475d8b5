#define PCRE2_CODE_UNIT_WIDTH 8
#include "eval/regex.h"

#include <pcre2.h>

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// Python's classes where PCRE2's Unicode classes differ: `\s` lacks the separators U+001C–U+001F
/// there, `\Z` there also matches before a last newline. Inside [ ] the same classes are spelt
/// without their own brackets.
std::string to_pcre2(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's')
        out += in_class ? "\\s\\x1c-\\x1f" : "[\\s\\x1c-\\x1f]";
      else if (next == 'S' && !in_class)
        out += "[^\\s\\x1c-\\x1f]";
      else if (next == 'Z' && !in_class)
        out += "\\z";
      else
        out.append({c, next});
      continue;
    }
    if (c == '[' && !in_class) {
      in_class = true;
      out.push_back(c);
      // A bracket right behind "[" or "[^" is a member.
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out.push_back(pattern[++i]);
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') {
        out += "\\]";
        ++i;
      }
      continue;
    }
    if (c == '[') {
      out += "\\[";
      continue;
    }
    if (c == ']') in_class = false;
    out.push_back(c);
  }
  return out;
}

struct MatchData {
  explicit MatchData(const pcre2_code* code)
      : data(pcre2_match_data_create_from_pattern(code, nullptr)) {}
  ~MatchData() { pcre2_match_data_free(data); }
  MatchData(const MatchData&) = delete;
  MatchData& operator=(const MatchData&) = delete;
  pcre2_match_data* data;
};

Error gave_up(std::string_view text, int code) {
  return fail(ErrorCode::limit, "a regular expression gave up on a text of {} bytes (PCRE2 {})",
              text.size(), code);
}

}  // namespace

struct Regex::Code {
  ~Code() { pcre2_code_free(code); }
  pcre2_code* code = nullptr;

  int match(std::string_view text, size_t offset, uint32_t options, const MatchData& data) const {
    return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), offset,
                       options, data.data, nullptr);
  }
};

Result<Regex> Regex::compile(std::string_view pattern) {
  const std::string translated = to_pcre2(pattern);
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &offset, context);
  pcre2_compile_context_free(context);
  if (code->code == nullptr) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return fail(ErrorCode::invalid_argument, "regular expression '{}': {} at offset {}", pattern,
                reinterpret_cast<const char*>(message.data()), offset);
  }
  return Regex(std::move(code));
}

Regex Regex::constant(std::string_view pattern) {
  auto compiled = compile(pattern);
  ANEMONE_CHECK(compiled.ok(), "patterns of the program compile");
  return std::move(compiled).value();
}

Result<bool> Regex::matches_in(std::string_view text) const {
  const MatchData data(code_->code);
  const int count = code_->match(text, 0, 0, data);
  if (count < 0 && count != PCRE2_ERROR_NOMATCH) return gave_up(text, count);
  return count >= 0;
}

bool Regex::matches_all(std::string_view text) const {
  const MatchData data(code_->code);
  return code_->match(text, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, data) >= 0;
}

/// Calls `found` for each match from left to right, as re.finditer does: with where the groups lie,
/// the whole match first; a group that took no part lies at PCRE2_UNSET.
template <typename Found>
Status Regex::for_each_match(std::string_view text, const Found& found) const {
  const MatchData data(code_->code);
  size_t offset = 0;
  uint32_t options = 0;
  while (offset <= text.size()) {
    const int count = code_->match(text, offset, options, data);
    if (count < 0 && count != PCRE2_ERROR_NOMATCH) return gave_up(text, count);
    if (count < 0) {
      if (options == 0) break;
      // No match other than the empty one that was just found: go one character on.
      options = 0;
      if (offset >= text.size()) break;
      offset += python::code_point_at(text, offset).size_bytes;
      continue;
    }
    const size_t groups = pcre2_get_ovector_count(data.data);
    const std::span spans(pcre2_get_ovector_pointer(data.data), 2 * groups);
    found(spans);
    offset = spans[1];
    // Python looks for a non-empty match right behind an empty one.
    options = spans[0] == spans[1] ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0u;
  }
  return {};
}

Result<std::string> Regex::replace_all(std::string_view text, std::string_view replacement) const {
  std::string out;
  out.reserve(text.size());
  size_t copied = 0;
  ANEMONE_RETURN_IF_ERROR(for_each_match(text, [&](std::span<const PCRE2_SIZE> spans) {
    out.append(text.substr(copied, spans[0] - copied));
    for (size_t i = 0; i < replacement.size(); ++i) {
      if (replacement[i] != '\\' || i + 1 == replacement.size()) {
        out.push_back(replacement[i]);
        continue;
      }
      const char next = replacement[++i];
      if (next < '1' || next > '9') {
        out.push_back(next);
        continue;
      }
      const auto at = 2 * static_cast<size_t>(next - '0');
      if (at < spans.size() && spans[at] != PCRE2_UNSET)
        out.append(text.substr(spans[at], spans[at + 1] - spans[at]));
    }
    copied = spans[1];
  }));
  out.append(text.substr(copied));
  return out;
}

Result<std::vector<std::vector<std::string>>> Regex::find_all(std::string_view text) const {
  std::vector<std::vector<std::string>> matches;
  ANEMONE_RETURN_IF_ERROR(for_each_match(text, [&](std::span<const PCRE2_SIZE> spans) {
    std::vector<std::string>& groups = matches.emplace_back();
    for (size_t at = spans.size() > 2 ? 2 : 0; at < spans.size(); at += 2)
      groups.emplace_back(spans[at] == PCRE2_UNSET
                              ? std::string_view()
                              : text.substr(spans[at], spans[at + 1] - spans[at]));
  }));
  return matches;
}

Result<std::vector<std::string>> Regex::split(std::string_view text) const {
  std::vector<std::string> pieces;
  size_t begin = 0;
  ANEMONE_RETURN_IF_ERROR(for_each_match(text, [&](std::span<const PCRE2_SIZE> spans) {
    pieces.emplace_back(text.substr(begin, spans[0] - begin));
    begin = spans[1];
  }));
  pieces.emplace_back(text.substr(begin));
  return pieces;
}

std::string Regex::escape(std::string_view text) {
  constexpr std::string_view kSpecial = "()[]{}?*+-|^$\\.&~# \t\n\r\v\f";
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace anemone::eval
