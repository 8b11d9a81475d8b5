#pragma once

#include <string>
#include <string_view>
#include <vector>

/// The units that texts are compared by.
namespace anemone::eval::correction {

/// str.split() of Python: the pieces between Unicode white space.
std::vector<std::string> words(std::string_view text);

/// Code points.
std::u32string characters(std::string_view text);

/// The words of the text in lower case.
std::vector<std::string> lower_words(std::string_view text);

}  // namespace anemone::eval::correction
