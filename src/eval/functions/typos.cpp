#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "eval/correction/error_rate.h"
#include "eval/edit_distance.h"
#include "eval/functions.h"
#include "eval/python_text.h"

// The metrics of tasks/typos; its README.md is their definition.
namespace anemone::eval {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\r\f\v";

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t begin = text.find_first_not_of(kWhiteSpace); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kWhiteSpace, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kWhiteSpace, end);
  }
  return out;
}

std::string_view stripped(std::string_view text) {
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

size_t edits(std::string_view from, std::string_view to) {
  return edit_distance(words(from), words(to));
}

std::string normal(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string kept;
  for (size_t i = 0; i < lower.size(); ++i) {
    const bool inner_apostrophe = lower[i] == '\'' && i > 0 && i + 1 < lower.size() &&
                                  is_letter(lower[i - 1]) && is_letter(lower[i + 1]);
    if (!python::is_punctuation(lower[i]) || inner_apostrophe) kept.push_back(lower[i]);
  }
  std::string out;
  for (const std::string_view word : words(kept)) {
    if (!out.empty()) out.push_back(' ');
    out.append(word);
  }
  return out;
}

Result<Value> process_results(const Value& document, std::span<const Response> results) {
  for (const char* key : {"source", "target"})
    if (!document.contains(key) || !document[key].is_string())
      return fail(ErrorCode::mismatch, "column '{}' is missing or no text", key);
  const auto& source = document["source"].get_ref<const std::string&>();
  const auto& target = document["target"].get_ref<const std::string&>();
  const std::string_view answer = stripped(results[0].text);
  const size_t count = words(target).size();
  Value scores{{"exact_match", answer == target ? 1.0 : 0.0},
               {"normalized_match", normal(answer) == normal(target) ? 1.0 : 0.0},
               {"wer_before", Value::array({edits(source, target), count})},
               {"wer_after", Value::array({edits(answer, target), count})}};
  if (document.value("errors", Value()) == Value::array({"none"}))
    scores["over_correction_rate"] = answer == source ? 0.0 : 1.0;
  return scores;
}

constexpr std::array kFunctions = {
    Function{.name = "process_results", .results = process_results},
    Function{
        .name = "word_error_rate", .aggregate = correction::error_rate, .items = ItemKind::pair}};

}  // namespace

FunctionFamily typos_functions() { return {"typos", kFunctions}; }

}  // namespace anemone::eval
