#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/ifeval/instruction.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

/// Keywords are patterns, and their case does not matter.
Result<Regex> any_case(const std::string& pattern) { return Regex::compile("(?i)" + pattern); }

Result<Verdict> existence(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const auto keywords, arguments.texts("keywords"));
  for (const std::string& keyword : keywords) {
    ANEMONE_TRY(const Regex regex, any_case(keyword));
    ANEMONE_TRY(const bool found, regex.matches_in(answer));
    if (!found) return Verdict::no;
  }
  return Verdict::yes;
}

Result<Verdict> frequency(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const std::string keyword, arguments.text("keyword"));
  ANEMONE_TRY(const Regex regex, any_case(std::string(python::strip(keyword))));
  ANEMONE_TRY(const auto matches, regex.find_all(answer));
  const auto count = static_cast<int64_t>(matches.size());
  return arguments.holds(count, count, "relation", "frequency");
}

Result<Verdict> forbidden_words(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const auto words, arguments.texts("forbidden_words"));
  for (const std::string& word : words) {
    ANEMONE_TRY(const Regex regex, any_case("\\b" + word + "\\b"));
    ANEMONE_TRY(const bool found, regex.matches_in(answer));
    if (found) return Verdict::no;
  }
  return Verdict::yes;
}

Result<Verdict> letter_frequency(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const std::string given, arguments.text("letter"));
  const std::string letter = python::lower(given);
  if (letter.size() != 1 || letter[0] < 'a' || letter[0] > 'z')
    return fail(ErrorCode::unsupported,
                "argument 'letter' is '{}', for which the harness draws a letter at random", given);
  const std::string lower = python::lower(answer);
  const auto count = std::count(lower.begin(), lower.end(), letter[0]);
  return arguments.holds(count, count, "let_relation", "let_frequency");
}

constexpr std::array kInstructions = {Instruction{"keywords:existence", existence},
                                      Instruction{"keywords:frequency", frequency},
                                      Instruction{"keywords:forbidden_words", forbidden_words},
                                      Instruction{"keywords:letter_frequency", letter_frequency}};

}  // namespace

std::span<const Instruction> keywords_instructions() { return kInstructions; }

}  // namespace anemone::eval::ifeval
