#pragma once

#include <string>
#include <string_view>

#include "eval/value.h"

/// Values written as Python writes them.
namespace anemone::eval::python {

/// repr(float): the shortest digits that read back, "1e-05" below 1e-4, "1e+16" from 1e16 on,
/// "nan".
std::string float_repr(double value);

/// repr(str), with Python's choice of quotes and escapes.
std::string string_repr(std::string_view text);

/// str(value): text as it is, everything else as repr does.
std::string to_str(const Value& value);
std::string to_repr(const Value& value);

/// json.dumps(value, ensure_ascii=False) with `indent` 2, or on one line when `indent` is 0.
std::string dumps(const Value& value, int indent = 0);

}  // namespace anemone::eval::python
