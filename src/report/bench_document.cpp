#include "report/bench_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "compare/document.h"
#include "compare/readings.h"
#include "report/number_text.h"

namespace anemone::report {

using eval::Value;

Result<BenchDocument> BenchDocument::parse(std::string_view text, std::string_view name) {
  auto document = compare::parse_document(text, name);
  if (!document.ok()) return std::move(document).in(std::string(name)).error();
  if (document->source.kind != compare::Kind::bench)
    return fail(ErrorCode::corrupt, "{}: no document of bench", name);
  BenchDocument out;
  out.root_ = std::move(document->content);
  out.name_ = name;
  return out;
}

size_t BenchDocument::configurations() const { return root_["configurations"].size(); }

std::string BenchDocument::short_name(size_t configuration) const {
  const auto words_of = [&](size_t i) {
    std::vector<std::string> words;
    std::istringstream id(text(fmt::format("/configurations/{}/id", i)));
    for (std::string word; id >> word;) words.push_back(word);
    return words;
  };
  // Every name looks at every configuration.
  constexpr size_t kMostCompared = 200;
  if (configurations() > kMostCompared)
    return text(fmt::format("/configurations/{}/id", configuration));
  std::vector<std::string> shared = words_of(configuration);
  for (size_t i = 0; i < configurations(); ++i) {
    const auto other = words_of(i);
    if (has_numbers(i))
      std::erase_if(shared, [&](const auto& word) { return std::ranges::count(other, word) == 0; });
  }
  std::string name;
  for (const std::string& word : words_of(configuration))
    if (std::ranges::count(shared, word) == 0) name += (name.empty() ? "" : " ") + word;
  return name.empty() ? text(fmt::format("/configurations/{}/id", configuration)) : name;
}

std::string BenchDocument::text(const std::string& pointer) const {
  const Value::json_pointer place(pointer);
  if (!root_.contains(place) || !root_.at(place).is_string()) return {};
  return root_.at(place).get<std::string>();
}

std::optional<double> BenchDocument::number(const std::string& pointer) const {
  auto found = compare::number_at(root_, pointer);
  if (found.ok()) return *found;
  if (fault_.empty()) fault_ = found.error().message;
  return std::nullopt;
}

Cell BenchDocument::cell(const std::string& pointer, compare::Unit unit, double scale,
                         bool predicted) const {
  const auto value = number(pointer);
  if (!value) return missing_cell();
  return {number_text(*value * scale, unit), origin(pointer),
          predicted ? Tone::predicted : Tone::plain};
}

Cell BenchDocument::bare_cell(const std::string& pointer, double scale) const {
  const auto value = number(pointer);
  return value ? Cell{three_digits(*value * scale), origin(pointer)} : missing_cell();
}

Cell BenchDocument::series_cell(const std::string& pointer, double scale) const {
  Cell out = bare_cell(pointer + "/summary/median", scale);
  const auto low = number(pointer + "/summary/ci95/0");
  const auto high = number(pointer + "/summary/ci95/1");
  if (out.tone != Tone::missing && low && high)
    out.text += fmt::format(" [{}, {}]", three_digits(*low * scale), three_digits(*high * scale));
  return out;
}

Cell BenchDocument::word_cell(const std::string& pointer) const {
  const Value::json_pointer place(pointer);
  if (!root_.contains(place) || !root_.at(place).is_boolean()) return missing_cell();
  const bool yes = root_.at(place).get<bool>();
  return {yes ? "yes" : "no", origin(pointer), yes ? Tone::plain : Tone::bad};
}

std::string BenchDocument::confidence() const {
  return fmt::format("{:.4g} %", 100 * number("/settings/confidence").value_or(0.95));
}

bool BenchDocument::has_numbers(size_t configuration) const {
  const std::string status = text(fmt::format("/configurations/{}/status", configuration));
  return status == "measured" || status == "interrupted";
}

Status BenchDocument::faults() const {
  if (fault_.empty()) return {};
  return fail(ErrorCode::corrupt, "{}: {}", name_, fault_);
}

}  // namespace anemone::report
