#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/ifeval/instruction.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

Result<int64_t> count(const Regex& regex, const std::string& text) {
  ANEMONE_TRY(const auto matches, regex.find_all(text));
  return static_cast<int64_t>(matches.size());
}

/// The harness splits with Punkt, whose trained abbreviations are not here. What they cannot
/// change: only these marks can end a sentence, and a question or exclamation mark between a word
/// and the next one always does.
Result<Verdict> number_sentences(const std::string& answer, const Arguments& arguments) {
  static const Regex kCanEnd = Regex::constant(R"re([.?!](?=[)";}\]*:@'({\[!?‘’“”«»]|\s+\S))re");
  static const Regex kEnds = Regex::constant(R"(\w[?!][ \t\n\r\f\v]+(?=\w))");
  ANEMONE_TRY(const int64_t most, count(kCanEnd, answer));
  ANEMONE_TRY(const int64_t least, count(kEnds, answer));
  return arguments.holds(least + 1, most + 1, "relation", "num_sentences");
}

Result<Verdict> number_words(const std::string& answer, const Arguments& arguments) {
  static const Regex kWord = Regex::constant(R"(\w+)");
  ANEMONE_TRY(const int64_t words, count(kWord, answer));
  return arguments.holds(words, words, "relation", "num_words");
}

/// Paragraphs between dividers "***"; the first and the last may be empty.
Result<Verdict> number_paragraphs(const std::string& answer, const Arguments& arguments) {
  static const Regex kDivider = Regex::constant(R"(\s?\*\*\*\s?)");
  ANEMONE_TRY(const int64_t wanted, arguments.number("num_paragraphs"));
  ANEMONE_TRY(const auto paragraphs, kDivider.split(answer));
  auto full = static_cast<int64_t>(paragraphs.size());
  for (size_t i = 0; i < paragraphs.size(); ++i) {
    if (!python::strip(paragraphs[i]).empty()) continue;
    if (i != 0 && i + 1 != paragraphs.size()) return Verdict::no;
    --full;
  }
  return verdict(full == wanted);
}

/// The first word up to a punctuation mark, in lower case.
std::string first_word(std::string_view paragraph) {
  std::string_view word = paragraph;
  for (size_t i = 0; i < paragraph.size();) {
    const auto point = python::code_point_at(paragraph, i);
    if (python::is_space(point.value)) {
      word = paragraph.substr(0, i);
      break;
    }
    i += point.size_bytes;
  }
  for (const char quote : {'\'', '"'})
    word.remove_prefix(std::min(word.find_first_not_of(quote), word.size()));
  return python::lower(word.substr(0, word.find_first_of(".,?!'\"")));
}

/// Paragraphs between empty lines.
Result<Verdict> nth_paragraph_first_word(const std::string& answer, const Arguments& arguments) {
  static const Regex kEmptyLine = Regex::constant("\n\n");
  ANEMONE_TRY(const int64_t wanted, arguments.number("num_paragraphs"));
  ANEMONE_TRY(const int64_t nth, arguments.number("nth_paragraph"));
  ANEMONE_TRY(const std::string word, arguments.text("first_word"));
  if (nth > wanted)
    return fail(ErrorCode::unsupported, "paragraph {} of {}, the harness draws another at random",
                nth, wanted);
  ANEMONE_TRY(const auto paragraphs, kEmptyLine.split(answer));
  int64_t full = 0;
  for (const std::string& paragraph : paragraphs)
    if (!python::strip(paragraph).empty()) ++full;
  if (nth > full) return Verdict::no;
  const std::string_view paragraph = python::strip(paragraphs[static_cast<size_t>(nth - 1)]);
  if (paragraph.empty()) return Verdict::no;
  return verdict(full == wanted && first_word(paragraph) == python::lower(word));
}

constexpr std::array kInstructions = {
    Instruction{"length_constraints:number_sentences", number_sentences},
    Instruction{"length_constraints:number_words", number_words},
    Instruction{"length_constraints:number_paragraphs", number_paragraphs},
    Instruction{"length_constraints:nth_paragraph_first_word", nth_paragraph_first_word}};

}  // namespace

std::span<const Instruction> length_instructions() { return kInstructions; }

}  // namespace anemone::eval::ifeval
