#pragma once

#include <vector>

#include "anemone/compare.h"
#include "compare/document.h"

namespace anemone::compare {

/// A number of one document.
struct Reading {
  std::string name, title, group;
  Unit unit = Unit::none;
  std::optional<bool> higher_is_better;
  Figure figure;
  std::vector<double>
      samples;  ///< the series that the figure is the median of, where there is one.
};

/// What documents say beside scores, by kind. `source` is the document's place among the sources.
/// Errors: corrupt (a number that is text, a list that is none; with its key).
Result<std::vector<Reading>> evaluation_readings(const Document& document, size_t source);
Result<std::vector<Reading>> bench_readings(const Document& document, size_t source);
Result<std::vector<Reading>> probe_readings(const Document& document, size_t source);
Result<std::vector<Reading>> check_readings(const Document& document, size_t source);
Result<std::vector<Reading>> figures_readings(const Document& document, size_t source);
Result<std::vector<Reading>> readings(const Document& document, size_t source);

/// The part of a document that a JSON pointer names; null where a part of it is absent. Errors:
/// corrupt, when it is neither a number nor null.
Result<std::optional<double>> number_at(const eval::Value& document, const std::string& pointer);

/// A name as a part of a JSON pointer.
std::string pointer_part(std::string_view name);

}  // namespace anemone::compare
