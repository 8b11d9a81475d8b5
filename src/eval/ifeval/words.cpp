#include "eval/ifeval/words.h"

#include <utility>

#include "base/error.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

using Step = std::pair<Regex, const char*>;

/// The rules of the Penn Treebank in NLTK's order: quotes that open, punctuation, brackets, dashes.
std::vector<Step> first_steps() {
  std::vector<Step> steps;
  const auto add = [&](const char* pattern, const char* replacement) {
    steps.emplace_back(Regex::constant(pattern), replacement);
  };
  add("([«“‘„]|[`]+)", R"( \1 )");
  add(R"(^")", "``");
  add("(``)", R"( \1 )");
  add(R"(([ \(\[{<])("|'{2}))", R"(\1 `` )");
  add(R"((?i)(?<!\w)(')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w))", R"(\1 )");
  add(R"(([^\.])(\.)([\]\)}>"'»”’ ]*+)\s*$)", R"(\1 \2 \3 )");
  add(R"(([:,])([^\d]))", R"( \1 \2)");
  add("([:,])$", R"( \1 )");
  add(R"((\.{2,}))", R"( \1 )");
  add("([;@#$%&])", R"( \1 )");
  add("([‒-―])", R"( \1 )");
  add(R"(([^\.])(\.)([\]\)}>"']*)\s*$)", R"(\1 \2\3 )");
  add("([?!])", R"( \1 )");
  add("([^'])' ", R"(\1 ' )");
  add("([*])", R"( \1 )");
  add(R"(([\]\[\(\)\{\}\<\>]))", R"( \1 )");
  add("--", " -- ");
  return steps;
}

/// Quotes that close and contractions; they look at the blanks around.
std::vector<Step> last_steps() {
  std::vector<Step> steps;
  const auto add = [&](const char* pattern, const char* replacement) {
    steps.emplace_back(Regex::constant(pattern), replacement);
  };
  add("([»”’])", R"( \1 )");
  add("''", " '' ");
  add(R"(")", " '' ");
  add(R"(\s+)", " ");
  add("([^' ])('[sS]|'[mM]|'[dD]|') ", R"(\1 \2 )");
  add("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", R"(\1 \2 )");
  for (const char* pattern :
       {R"((?i)\b(can)(not)\b)", R"((?i)\b(d)('ye)\b)", R"((?i)\b(gim)(me)\b)",
        R"((?i)\b(gon)(na)\b)", R"((?i)\b(got)(ta)\b)", R"((?i)\b(lem)(me)\b)",
        R"((?i)\b(more)('n)\b)", R"((?i)\b(wan)(na)(?=\s))", R"((?i) ('t)(is)\b)",
        R"((?i) ('t)(was)\b)"})
    add(pattern, R"( \1 \2 )");
  return steps;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string sentence) {
  static const std::vector<Step> kFirst = first_steps();
  static const std::vector<Step> kLast = last_steps();
  static const Regex kBlanks = Regex::constant(R"(\s+)");
  for (const auto& [pattern, replacement] : kFirst) {
    ANEMONE_TRY(sentence, pattern.replace_all(sentence, replacement));
  }
  sentence = " " + sentence + " ";
  for (const auto& [pattern, replacement] : kLast) {
    ANEMONE_TRY(sentence, pattern.replace_all(sentence, replacement));
  }
  const std::string_view words = python::strip(sentence);
  if (words.empty()) return std::vector<std::string>();
  return kBlanks.split(words);
}

}  // namespace anemone::eval::ifeval
