#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/ifeval/instruction.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

/// Two different answers with six stars between; before the first and behind the last there may be
/// stars too.
Result<Verdict> two_responses(const std::string& answer, const Arguments&) {
  static const Regex kStars = Regex::constant(R"(\*{6})");
  ANEMONE_TRY(const auto pieces, kStars.split(answer));
  std::vector<std::string_view> full;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string_view piece = python::strip(pieces[i]);
    if (!piece.empty())
      full.push_back(piece);
    else if (i != 0 && i + 1 != pieces.size())
      return Verdict::no;
  }
  return verdict(full.size() == 2 && full[0] != full[1]);
}

Result<Verdict> repeat_prompt(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const std::string prompt, arguments.text("prompt_to_repeat"));
  return verdict(
      python::lower(python::strip(answer)).starts_with(python::lower(python::strip(prompt))));
}

Result<Verdict> end_checker(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const std::string phrase, arguments.text("end_phrase"));
  std::string_view text = python::strip(answer);
  text.remove_prefix(std::min(text.find_first_not_of('"'), text.size()));
  text = text.substr(0, text.find_last_not_of('"') + 1);
  return verdict(python::lower(text).ends_with(python::lower(python::strip(phrase))));
}

Result<Verdict> quotation(const std::string& answer, const Arguments&) {
  const std::string_view text = python::strip(answer);
  return verdict(text.size() > 1 && text.front() == '"' && text.back() == '"');
}

constexpr std::array kInstructions = {Instruction{"combination:two_responses", two_responses},
                                      Instruction{"combination:repeat_prompt", repeat_prompt},
                                      Instruction{"startend:end_checker", end_checker},
                                      Instruction{"startend:quotation", quotation}};

}  // namespace

std::span<const Instruction> combination_instructions() { return kInstructions; }

}  // namespace anemone::eval::ifeval
