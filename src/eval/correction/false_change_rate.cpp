#include "eval/correction/measure.h"

namespace anemone::eval::correction {

Value false_change_rate(const Pair& pair) {
  if (pair.source != pair.target) return nullptr;
  return pair.answer == pair.source ? 0.0 : 1.0;
}

}  // namespace anemone::eval::correction
