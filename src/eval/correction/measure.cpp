#include "eval/correction/measure.h"

#include <array>

namespace anemone::eval::correction {

std::span<const Measure> measures() {
#define CORRECTION_MEASURE(name) Measure{#name, name},
  static constexpr std::array kMeasures = {
#include "eval/correction/measures.inc"
  };
#undef CORRECTION_MEASURE
  return kMeasures;
}

}  // namespace anemone::eval::correction
