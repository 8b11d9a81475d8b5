#include "eval/correction/measure.h"
#include "eval/python_text.h"

namespace anemone::eval::correction {

Value exact_match_lower(const Pair& pair) {
  const std::string answer = python::lower(pair.answer);
  const std::string target = python::lower(pair.target);
  return python::strip(answer) == python::strip(target) ? 1.0 : 0.0;
}

}  // namespace anemone::eval::correction
