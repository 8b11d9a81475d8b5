#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "anemone/compare.h"
#include "anemone/result.h"

/// Reports for people and programs, of what was measured. Pages are one HTML file each that asks
/// for nothing from a network and runs no script; all text of the results is escaped.
namespace anemone::report {

enum class Format : uint8_t { text, markdown, html };

/// A comparison as tables (and plots in HTML). What was not measured reads n/a, what was computed
/// from published constants reads "predicted".
std::string comparison(const compare::Comparison& found, Format format);

/// The comparison as JSON (docs/comparing.md), with the origin of every number.
std::string comparison_json(const compare::Comparison& found);

/// The report of one document of `anemone bench --format json`. `name` is the file that its numbers
/// are said to come from. Errors: corrupt (no such document, a number that is none: its key),
/// limit, unsupported (another version).
Result<std::string> bench(std::string_view document, std::string_view name, Format format);

}  // namespace anemone::report
