#include <algorithm>

#include "eval/correction/edits.h"
#include "eval/correction/measure.h"
#include "eval/correction/words.h"

namespace anemone::eval::correction {

/// Right edits, wrong ones, missing ones.
Value f0_5(const Pair& pair) {
  const auto source = words(pair.source);
  const auto wanted = edits(source, words(pair.target));
  const auto made = edits(source, words(pair.answer));
  const auto right = static_cast<size_t>(
      std::ranges::count_if(made, [&](const Edit& edit) { return wanted.contains(edit); }));
  return Value::array({right, made.size() - right, wanted.size() - right});
}

}  // namespace anemone::eval::correction
