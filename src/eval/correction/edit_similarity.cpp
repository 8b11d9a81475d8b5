#include <algorithm>

#include "eval/correction/measure.h"
#include "eval/correction/words.h"
#include "eval/edit_distance.h"
#include "eval/python_text.h"

namespace anemone::eval::correction {

Value edit_similarity(const Pair& pair) {
  const std::u32string answer = characters(python::strip(python::lower(pair.answer)));
  const std::u32string target = characters(python::strip(python::lower(pair.target)));
  if (answer.empty() || target.empty()) return 0.0;
  const auto longer = static_cast<double>(std::max(answer.size(), target.size()));
  return 1 - static_cast<double>(edit_distance(answer, target)) / longer;
}

}  // namespace anemone::eval::correction
