#pragma once

#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval {

/// Rows of a CSV text with a header line, as the `csv` loader of Hugging Face datasets (pandas)
/// types them: a column of integers, floats or booleans is converted, an integer column with gaps
/// becomes float, what pandas counts as missing becomes None. RFC 4180 quoting.
/// Errors: corrupt (an open quote, a line with too many fields, a last one with too few and without
/// its end; with its number).
Result<std::vector<Value>> parse_csv(std::string_view text, char separator);

}  // namespace anemone::eval
