#pragma once

#include <string_view>

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval::python {

/// ast.literal_eval of None, True, False, numbers, strings, lists, tuples (as lists) and dicts with
/// string keys. Errors: corrupt with the offset; limit when nested deeper than 100.
Result<Value> literal_eval(std::string_view text);

}  // namespace anemone::eval::python
