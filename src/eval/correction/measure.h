#pragma once

#include <span>
#include <string>
#include <string_view>

#include "eval/value.h"

/// How good a corrected text is; tasks/typos/README.md defines each measure.
namespace anemone::eval::correction {

/// A faulty text, what was meant, and what a model made of it, without white space at their ends.
struct Pair {
  std::string source;
  std::string target;
  std::string answer;
};

struct Measure {
  std::string_view name;
  /// What the aggregation of the measure takes of a pair; null where the pair has no value.
  Value (*of)(const Pair& pair) = nullptr;
};

#define CORRECTION_MEASURE(name) Value name(const Pair& pair);
#include "eval/correction/measures.inc"
#undef CORRECTION_MEASURE

std::span<const Measure> measures();

}  // namespace anemone::eval::correction
