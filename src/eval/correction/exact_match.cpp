#include "eval/correction/measure.h"

namespace anemone::eval::correction {

Value exact_match(const Pair& pair) { return pair.answer == pair.target ? 1.0 : 0.0; }

}  // namespace anemone::eval::correction
