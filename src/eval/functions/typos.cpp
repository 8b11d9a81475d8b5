#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "eval/functions.h"

// The metrics of tasks/typos; its README.md is their definition.
namespace anemone::eval {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\r\f\v";

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

bool is_punctuation(char c) {
  return (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) ||
         (c >= 0x7b && c <= 0x7e);
}

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

/// Levenshtein distance of words.
int64_t edits(std::string_view from, std::string_view to) {
  const auto a = words(from);
  const auto b = words(to);
  std::vector<int64_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string normal(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string kept;
  for (size_t i = 0; i < lower.size(); ++i) {
    const bool inner_apostrophe = lower[i] == '\'' && i > 0 && i + 1 < lower.size() &&
                                  is_letter(lower[i - 1]) && is_letter(lower[i + 1]);
    if (!is_punctuation(lower[i]) || inner_apostrophe) kept.push_back(lower[i]);
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

std::optional<double> word_error_rate(std::span<const Value> items) {
  int64_t wrong = 0;
  int64_t all = 0;
  for (const Value& item : items) {
    wrong += item[0].get<int64_t>();
    all += item[1].get<int64_t>();
  }
  if (all == 0) return std::nullopt;
  return static_cast<double>(wrong) / static_cast<double>(all);
}

constexpr std::array kFunctions = {
    Function{.name = "process_results", .results = process_results},
    Function{.name = "word_error_rate", .aggregate = word_error_rate}};

}  // namespace

FunctionFamily typos_functions() { return {"typos", kFunctions}; }

}  // namespace anemone::eval
