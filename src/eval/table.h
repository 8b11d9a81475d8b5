#pragma once

#include <string>

#include "eval/value.h"

namespace anemone::eval {

/// The Markdown table that the harness prints of `results[column]` (column "results" or "groups"),
/// as pytablewriter lays it out: numbers of a column with as many decimals as the longest needs.
/// A score that is null prints "n/a".
std::string format_table(const Value& results, const std::string& column);

}  // namespace anemone::eval
