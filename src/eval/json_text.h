#pragma once

#include <cstddef>
#include <string_view>

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval {

/// Values inside each other; what copies or prints a Value goes this deep on the stack.
inline constexpr size_t kMaxJsonDepth = 200;

/// One JSON text as Python's json reads it, with NaN, Infinity and -Infinity. Errors: corrupt;
/// limit (deeper than kMaxJsonDepth, an object with more than 4096 keys).
Result<Value> parse_json_text(std::string_view text);

}  // namespace anemone::eval
