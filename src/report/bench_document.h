#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/compare.h"
#include "anemone/result.h"
#include "eval/value.h"
#include "report/page.h"

namespace anemone::report {

/// A document of bench that is being shown: numbers by their place. A number that is none of JSON
/// is remembered, and the page refused.
class BenchDocument {
 public:
  /// Errors: corrupt, limit, unsupported (another version).
  static Result<BenchDocument> parse(std::string_view text, std::string_view name);

  const eval::Value& root() const { return root_; }
  size_t configurations() const;
  /// The words of a configuration's id that not all configurations share; the id where these are
  /// none.
  std::string short_name(size_t configuration) const;
  std::string text(const std::string& pointer) const;
  std::optional<double> number(const std::string& pointer) const;
  /// The number in a cell with its origin; n/a where there is none.
  Cell cell(const std::string& pointer, compare::Unit unit, double scale = 1,
            bool predicted = false) const;
  /// Median of a series with its interval, "48.6 [47.8, 49.4]", without a unit; n/a without.
  Cell series_cell(const std::string& pointer, double scale) const;
  /// A number without its unit.
  Cell bare_cell(const std::string& pointer, double scale) const;
  /// "yes", or "no" as what is bad; n/a without.
  Cell word_cell(const std::string& pointer) const;
  /// "bench.json: /configurations/0/…".
  std::string origin(const std::string& pointer) const { return name_ + ": " + pointer; }
  /// "95 %": of all intervals of the run.
  std::string confidence() const;
  /// Measured, or as far as it came before an interruption.
  bool has_numbers(size_t configuration) const;
  /// The first place that held something else than a number.
  Status faults() const;

 private:
  eval::Value root_;
  std::string name_;
  mutable std::string fault_;
};

}  // namespace anemone::report
