#include <array>
#include <string>

#include "base/error.h"
#include "eval/correction/error_rate.h"
#include "eval/correction/measure.h"
#include "eval/functions.h"
#include "eval/python_text.h"
#include "eval/regex.h"

// Measures of corrected texts; tasks/typos/README.md is their definition.
namespace anemone::eval {
namespace {

/// All measures of an answer, and the answer itself.
Result<Value> measure(const Value& document, std::string_view answer) {
  correction::Pair pair;
  const bool is_published = document.contains("corrupted");
  ANEMONE_TRY(const std::string source,
              text_column(document, is_published ? "corrupted" : "source"));
  ANEMONE_TRY(const std::string target, text_column(document, is_published ? "clean" : "target"));
  pair.source = python::strip(source);
  pair.target = python::strip(target);
  pair.answer = python::strip(answer);
  Value scores;
  for (const correction::Measure& one : correction::measures())
    if (Value value = one.of(pair); !value.is_null()) scores[std::string(one.name)] = value;
  scores["answer"] = pair.answer;
  return scores;
}

Result<Value> process_results(const Value& document, std::span<const Response> results) {
  return measure(document, results[0].text);
}

/// What follows the last "Corrected text:", without quotes around it; of that the first line.
Result<Value> validation_results(const Value& document, std::span<const Response> results) {
  static constexpr std::string_view kMark = "Corrected text:";
  static const Regex kQuotes = Regex::constant(R"(^\s*["']|["']?\s*$)");
  const std::string_view text = results[0].text;
  const size_t mark = text.rfind(kMark);
  const std::string_view behind =
      mark == std::string_view::npos ? text : text.substr(mark + kMark.size());
  ANEMONE_TRY(const std::string bare, kQuotes.replace_all(python::strip(behind), ""));
  return measure(document, std::string_view(bare).substr(0, bare.find('\n')));
}

/// Of the sums of right, wrong and missing edits; without wrong ones the precision is 1, without
/// missing ones the recall.
std::optional<double> f_half(std::span<const Value> items) {
  std::array<double, 3> sums{};
  for (const Value& item : items) {
    if (item.size() != sums.size()) return std::nullopt;
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += item[i].get<double>();
  }
  if (items.empty()) return std::nullopt;
  const auto [right, wrong, missing] = sums;
  const double precision = wrong == 0 ? 1 : right / (right + wrong);
  const double recall = missing == 0 ? 1 : right / (right + missing);
  if (precision + recall == 0) return 0;
  return 1.25 * precision * recall / (0.25 * precision + recall);
}

constexpr std::array kFunctions = {
    Function{.name = "process_results", .results = process_results},
    Function{.name = "validation_results", .results = validation_results},
    Function{.name = "error_rate", .aggregate = correction::error_rate, .items = ItemKind::pair},
    Function{.name = "f_half", .aggregate = f_half, .items = ItemKind::list}};

}  // namespace

FunctionFamily correction_functions() { return {"correction", kFunctions}; }

}  // namespace anemone::eval
