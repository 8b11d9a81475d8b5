#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/ifeval/instruction.h"
#include "eval/ifeval/words.h"
#include "eval/python_case.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

/// In capitals, which is checked first, and English, which needs the harness' trained detector.
Result<Verdict> english_capital(const std::string& answer, const Arguments&) {
  return python::is_upper(answer) ? Verdict::unknown : Verdict::no;
}

Result<Verdict> english_lowercase(const std::string& answer, const Arguments&) {
  return python::is_lower(answer) ? Verdict::unknown : Verdict::no;
}

/// Words of capitals, sentence by sentence. Where a sentence may end in front of white space, its
/// end only splits off a full stop, which leaves the number as it is; where it may end inside a
/// word, that is for the harness' trained splitter to say.
Result<Verdict> capital_word_frequency(const std::string& answer, const Arguments& arguments) {
  static const Regex kEndInsideWord = Regex::constant(R"re([.?!][)";}\]*:@'({\[!?‘’“”«»])re");
  ANEMONE_TRY(const auto words, split_words(answer));
  const auto count = std::count_if(words.begin(), words.end(),
                                   [](const std::string& word) { return python::is_upper(word); });
  ANEMONE_TRY(const Verdict found,
              arguments.holds(count, count, "capital_relation", "capital_frequency"));
  ANEMONE_TRY(const bool ends_inside, kEndInsideWord.matches_in(answer));
  return ends_inside ? Verdict::unknown : found;
}

constexpr std::array kInstructions = {
    Instruction{"change_case:english_capital", english_capital},
    Instruction{"change_case:english_lowercase", english_lowercase},
    Instruction{"change_case:capital_word_frequency", capital_word_frequency}};

}  // namespace

std::span<const Instruction> letter_case_instructions() { return kInstructions; }

}  // namespace anemone::eval::ifeval
