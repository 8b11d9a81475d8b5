#include "eval/correction/measure.h"
#include "eval/correction/words.h"
#include "eval/edit_distance.h"

namespace anemone::eval::correction {

Value wer(const Pair& pair) {
  const auto target = words(pair.target);
  return Value::array({edit_distance(words(pair.answer), target), target.size()});
}

}  // namespace anemone::eval::correction
