#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/ifeval/instruction.h"
#include "eval/json_text.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

std::string_view strip_characters(std::string_view text, std::string_view characters) {
  const size_t begin = text.find_first_not_of(characters);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(characters) - begin + 1);
}

std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string_view without_suffix(std::string_view text, std::string_view suffix) {
  return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

Result<Verdict> number_bullet_lists(const std::string& answer, const Arguments& arguments) {
  static const Regex kStar = Regex::constant(R"((?m)^\s*\*[^\*].*$)");
  static const Regex kDash = Regex::constant(R"((?m)^\s*-.*$)");
  ANEMONE_TRY(const int64_t wanted, arguments.number("num_bullets"));
  ANEMONE_TRY(const auto stars, kStar.find_all(answer));
  ANEMONE_TRY(const auto dashes, kDash.find_all(answer));
  return verdict(static_cast<int64_t>(stars.size() + dashes.size()) == wanted);
}

Result<Verdict> constrained_response(const std::string& answer, const Arguments&) {
  for (const char* option : {"My answer is yes.", "My answer is no.", "My answer is maybe."})
    if (answer.find(option) != std::string::npos) return Verdict::yes;
  return Verdict::no;
}

Result<Verdict> number_highlighted_sections(const std::string& answer, const Arguments& arguments) {
  static const Regex kSingle = Regex::constant(R"(\*[^\n\*]*\*)");
  static const Regex kDouble = Regex::constant(R"(\*\*[^\n\*]*\*\*)");
  ANEMONE_TRY(const int64_t wanted, arguments.number("num_highlights"));
  ANEMONE_TRY(const auto singles, kSingle.find_all(answer));
  ANEMONE_TRY(const auto doubles, kDouble.find_all(answer));
  int64_t count = 0;
  for (const auto& match : singles)
    if (!python::strip(strip_characters(match[0], "*")).empty()) ++count;
  for (const auto& match : doubles)
    if (!python::strip(without_suffix(without_prefix(match[0], "**"), "**")).empty()) ++count;
  return verdict(count >= wanted);
}

Result<Verdict> multiple_sections(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const std::string splitter, arguments.text("section_spliter"));
  ANEMONE_TRY(const int64_t wanted, arguments.number("num_sections"));
  ANEMONE_TRY(const Regex regex,
              Regex::compile(R"(\s?)" + std::string(python::strip(splitter)) + R"(\s?\d+\s?)"));
  ANEMONE_TRY(const auto pieces, regex.split(answer));
  return verdict(static_cast<int64_t>(pieces.size()) - 1 >= wanted);
}

/// JSON as Python reads it, in a fence or not. Half of a surrogate pair and numbers beyond a
/// double, which Python takes and our reader does not, stay unknown.
Result<Verdict> json_format(const std::string& answer, const Arguments&) {
  static const Regex kOnlyPython = Regex::constant(R"(\\u[dD]|[eE]\+?\d{3,}|\d{300,})");
  std::string_view text = python::strip(answer);
  for (const char* fence : {"```json", "```Json", "```JSON", "```"})
    text = without_prefix(text, fence);
  text = python::strip(without_suffix(text, "```"));
  const auto parsed = parse_json_text(text);
  if (parsed.ok()) return Verdict::yes;
  ANEMONE_TRY(const bool only_python, kOnlyPython.matches_in(text));
  const bool unsure = parsed.error().code == ErrorCode::limit || only_python;
  return unsure ? Verdict::unknown : Verdict::no;
}

Result<Verdict> title(const std::string& answer, const Arguments&) {
  static const Regex kTitle = Regex::constant(R"(<<[^\n]+>>)");
  ANEMONE_TRY(const auto titles, kTitle.find_all(answer));
  for (const auto& match : titles) {
    std::string_view text = match[0];
    text.remove_prefix(std::min(text.find_first_not_of('<'), text.size()));
    text = text.substr(0, text.find_last_not_of('>') + 1);
    if (!python::strip(text).empty()) return Verdict::yes;
  }
  return Verdict::no;
}

constexpr std::array kInstructions = {
    Instruction{"detectable_format:number_bullet_lists", number_bullet_lists},
    Instruction{"detectable_format:constrained_response", constrained_response},
    Instruction{"detectable_format:number_highlighted_sections", number_highlighted_sections},
    Instruction{"detectable_format:multiple_sections", multiple_sections},
    Instruction{"detectable_format:json_format", json_format},
    Instruction{"detectable_format:title", title}};

}  // namespace

std::span<const Instruction> format_instructions() { return kInstructions; }

}  // namespace anemone::eval::ifeval
