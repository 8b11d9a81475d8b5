#include <algorithm>
#include <map>

#include "base/error.h"
#include "eval/filters.h"
#include "eval/python_format.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval {
namespace {

struct Options {
  Regex regex;
  int64_t select;
  std::string fallback;
  bool ignore_case;
  bool ignore_punctuation;
  std::vector<Regex> ignored;
};

/// What is left of a text for the comparison with the choices.
Result<std::string> reduced(std::string text, const Options& options) {
  for (const Regex& regex : options.ignored) {
    ANEMONE_TRY(text, regex.replace_all(text, ""));
  }
  if (options.ignore_case) text = python::lower(text);
  if (options.ignore_punctuation) text = python::without_punctuation(text);
  return text;
}

/// The selected match, or what `letters` has for it; empty when nothing matches.
Result<std::string> find_match(const Regex& regex, const std::string& text, int64_t select,
                               const std::map<std::string, std::string>& letters) {
  ANEMONE_TRY(const auto matches, regex.find_all(text));
  if (matches.empty()) return std::string();
  const auto count = static_cast<int64_t>(matches.size());
  const int64_t index = select < 0 ? select + count : select;
  if (index < 0 || index >= count)
    return fail(ErrorCode::out_of_range, "multi_choice_regex: group_select {} of {} matches",
                select, count);
  std::string match;
  for (const std::string& group : matches[static_cast<size_t>(index)])
    if (match.empty()) match = group;
  match = std::string(python::strip(match));
  const auto letter = letters.find(match);
  return match.empty() || letter == letters.end() ? match : letter->second;
}

/// The document's choices, by their texts and by their letters.
struct Choices {
  Regex texts;
  std::map<std::string, std::string> by_text;  ///< "(A)" by a choice's text.
  Regex letters;
  std::map<std::string, std::string> by_letter;  ///< "(A)" by "A".
};

Result<Choices> choices_of(const Value& document, const Options& options) {
  const Value choices = document.value("choices", Value());
  if (!choices.is_array())
    return fail(ErrorCode::mismatch, "multi_choice_regex: column 'choices' is {}, expected a list",
                python::to_repr(choices));
  std::vector<std::string> patterns;
  std::map<std::string, std::string> by_text;
  std::map<std::string, std::string> by_letter;
  std::string letters;
  char letter = 'A';
  for (const Value& choice : choices) {
    if (!choice.is_string() || letter > 'Z')
      return fail(ErrorCode::mismatch, "multi_choice_regex: expected at most 26 choices of text");
    ANEMONE_TRY(const std::string text,
                reduced(std::string(python::strip(choice.get<std::string>())), options));
    const std::string name = std::string("(") + letter + ")";
    patterns.push_back(Regex::escape(text));
    by_text[text] = name;
    by_letter[std::string(1, letter)] = name;
    letters += (letters.empty() ? "" : "|") + std::string(1, letter);
    ++letter;
  }
  // A choice that begins another must not hide it.
  std::stable_sort(patterns.begin(), patterns.end(), [](const auto& a, const auto& b) {
    return python::length(a) > python::length(b);
  });
  std::string any;
  for (size_t i = 0; i < patterns.size(); ++i) any += (i == 0 ? "" : "|") + patterns[i];
  ANEMONE_TRY(Regex texts, Regex::compile(any));
  ANEMONE_TRY(Regex behind_colon, Regex::compile(":[\\s]*(" + letters + ")"));
  return Choices{std::move(texts), std::move(by_text), std::move(behind_colon),
                 std::move(by_letter)};
}

/// The pattern's match; else the letter of a choice whose text is in the answer; else the letter
/// behind a colon.
Result<Value> choose(const std::string& answer, const Choices& choices, const Options& options) {
  ANEMONE_TRY(std::string match, find_match(options.regex, answer, options.select, {}));
  if (match.empty()) {
    ANEMONE_TRY(const std::string text, reduced(answer, options));
    ANEMONE_TRY(match, find_match(choices.texts, text, options.select, choices.by_text));
  }
  if (match.empty()) {
    ANEMONE_TRY(match, find_match(choices.letters, answer, options.select, choices.by_letter));
  }
  return Value(match.empty() ? options.fallback : match);
}

Result<FilterStep> make(const Value& given) {
  const FilterOptions read("multi_choice_regex", given);
  ANEMONE_RETURN_IF_ERROR(
      read.check_keys({"regex_pattern", "group_select", "fallback", "ignore_case",
                       "ignore_punctuation", "regexes_to_ignore"}));
  ANEMONE_TRY(const std::string pattern, read.text("regex_pattern", R"(#### (\-?[0-9\.\,]+))"));
  ANEMONE_TRY(Regex regex, Regex::compile(pattern));
  ANEMONE_TRY(const int64_t select, read.number("group_select", 0));
  ANEMONE_TRY(std::string fallback, read.text("fallback", "[invalid]"));
  ANEMONE_TRY(const bool ignore_case, read.flag("ignore_case"));
  ANEMONE_TRY(const bool ignore_punctuation, read.flag("ignore_punctuation"));
  ANEMONE_TRY(const auto patterns, read.texts("regexes_to_ignore"));
  Options options{std::move(regex),   select, std::move(fallback), ignore_case,
                  ignore_punctuation, {}};
  for (const std::string& ignored : patterns) {
    ANEMONE_TRY(Regex compiled, Regex::compile(ignored));
    options.ignored.push_back(std::move(compiled));
  }
  return FilterStep([options](const Value& answers, const Value& document) -> Result<Value> {
    ANEMONE_TRY(const Choices choices, choices_of(document, options));
    return for_each_text([&](const std::string& answer) {
      return choose(answer, choices, options);
    })(answers, document);
  });
}

}  // namespace

Filter multi_choice_regex_filter() { return {.name = "multi_choice_regex", .make = make}; }

}  // namespace anemone::eval
