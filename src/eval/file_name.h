#pragma once

#include <string>
#include <string_view>

namespace anemone::eval {

/// `name` as one part of a path: runs of characters that file names cannot have become "__", as in
/// the harness; so do control characters, and the whole of "", "." and "..".
std::string file_name_of(std::string_view name);

}  // namespace anemone::eval
