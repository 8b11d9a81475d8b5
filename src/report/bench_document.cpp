#include "report/bench_document.h"

#include <fmt/format.h>

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
  return {number_text(*value * scale, unit), name_ + ": " + pointer,
          predicted ? Tone::predicted : Tone::plain};
}

Cell BenchDocument::bare_cell(const std::string& pointer, double scale) const {
  const auto value = number(pointer);
  return value ? Cell{three_digits(*value * scale), name_ + ": " + pointer} : missing_cell();
}

Cell BenchDocument::series_cell(const std::string& pointer, double scale) const {
  Cell out = bare_cell(pointer + "/summary/median", scale);
  const auto low = number(pointer + "/summary/ci95/0");
  const auto high = number(pointer + "/summary/ci95/1");
  if (out.tone != Tone::missing && low && high)
    out.text += fmt::format(" [{}, {}]", three_digits(*low * scale), three_digits(*high * scale));
  return out;
}

bool BenchDocument::is_measured(size_t configuration) const {
  return text(fmt::format("/configurations/{}/status", configuration)) == "measured";
}

Status BenchDocument::faults() const {
  if (fault_.empty()) return {};
  return fail(ErrorCode::corrupt, "{}: {}", name_, fault_);
}

}  // namespace anemone::report
