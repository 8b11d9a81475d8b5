#include "eval/correction/measure.h"
#include "eval/correction/words.h"
#include "eval/edit_distance.h"

namespace anemone::eval::correction {

Value cer_unchanged(const Pair& pair) {
  const auto target = characters(pair.target);
  return Value::array({edit_distance(characters(pair.source), target), target.size()});
}

}  // namespace anemone::eval::correction
