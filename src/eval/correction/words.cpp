#include "eval/correction/words.h"

#include "eval/python_text.h"

namespace anemone::eval::correction {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  bool inside = false;
  for (size_t offset = 0; offset < text.size();) {
    const python::CodePoint point = python::code_point_at(text, offset);
    if (python::is_space(point.value)) {
      inside = false;
    } else {
      if (!inside) result.emplace_back();
      inside = true;
      result.back().append(text.substr(offset, point.size_bytes));
    }
    offset += point.size_bytes;
  }
  return result;
}

std::u32string characters(std::string_view text) {
  std::u32string result;
  for (size_t offset = 0; offset < text.size();) {
    const python::CodePoint point = python::code_point_at(text, offset);
    result.push_back(point.value);
    offset += point.size_bytes;
  }
  return result;
}

std::vector<std::string> lower_words(std::string_view text) { return words(python::lower(text)); }

}  // namespace anemone::eval::correction
