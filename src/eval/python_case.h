#pragma once

#include <string_view>

namespace anemone::eval::python {

/// str.isupper(), str.islower(): there is a letter with case, and none of another case.
bool is_upper(std::string_view text);
bool is_lower(std::string_view text);

}  // namespace anemone::eval::python
