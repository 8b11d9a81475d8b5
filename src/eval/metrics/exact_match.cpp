#include <algorithm>

#include "base/error.h"
#include "eval/metrics.h"
#include "eval/python_format.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval {
namespace {

using Texts = std::vector<std::string>;

/// numpy's fixed-width strings: lower case is cut to the longest text there was before, NULs at the
/// end vanish.
void lower(Texts& texts) {
  size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, python::length(text));
  for (std::string& text : texts) {
    text = python::lower(text);
    size_t end = 0;
    for (size_t count = 0; count < width && end < text.size(); ++count)
      end += python::code_point_at(text, end).size_bytes;
    text.resize(end);
  }
}

void remove_if(Texts& texts, bool (*unwanted)(char)) {
  for (std::string& text : texts) std::erase_if(text, unwanted);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Status remove_patterns(Texts& texts, const Value& patterns) {
  for (const Value& pattern : patterns) {
    if (!pattern.is_string())
      return fail(ErrorCode::invalid_argument, "regexes_to_ignore: {} is no text",
                  python::to_repr(pattern));
    ANEMONE_TRY(const Regex regex, Regex::compile(pattern.get_ref<const std::string&>()));
    for (std::string& text : texts) {
      ANEMONE_TRY(text, regex.replace_all(text, ""));
    }
  }
  return {};
}

Status normalise(Texts& texts, const Value& options) {
  if (options.is_object() && options.value("regexes_to_ignore", Value()).is_array())
    ANEMONE_RETURN_IF_ERROR(remove_patterns(texts, options["regexes_to_ignore"]));
  const auto set = [&](const char* key) {
    return options.is_object() && options.value(key, Value()) == true;
  };
  if (set("ignore_case")) lower(texts);
  if (set("ignore_punctuation")) remove_if(texts, python::is_punctuation);
  if (set("ignore_numbers")) remove_if(texts, is_digit);
  for (std::string& text : texts) text.resize(text.find_last_not_of('\0') + 1);
  return {};
}

Result<Value> of_choices(const ScoredDocument& document) {
  for (const size_t gold : document.gold)
    if (document.conditional()[gold].greedy) return Value(1);
  return Value(0);
}

/// Of choices: 1 when a right one is greedy. Of generated text: 1.0 when it equals a reference.
Result<Value> score(const ScoredDocument& document, const Value& options) {
  if (!document.choices.empty()) return of_choices(document);
  Texts predictions(document.references.size(), document.responses[0].text);
  Texts references = document.references;
  ANEMONE_RETURN_IF_ERROR(normalise(predictions, options));
  ANEMONE_RETURN_IF_ERROR(normalise(references, options));
  for (size_t i = 0; i < references.size(); ++i)
    if (predictions[i] == references[i]) return Value(1.0);
  return Value(0.0);
}

}  // namespace

Metric exact_match_metric() {
  return {.name = "exact_match",
          .aggregation = "mean",
          .output_types = static_cast<uint8_t>(output_bit(OutputType::multiple_choice) |
                                               output_bit(OutputType::generate_until)),
          .score = score};
}

}  // namespace anemone::eval
