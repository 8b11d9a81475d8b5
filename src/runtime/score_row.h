#pragma once

#include <span>

namespace anemone::runtime {

// What scores need of a row of logits, with the processor's vector instructions. The bits are the
// same on every machine.

/// The largest, minus infinity of none; NaN if there is one.
float highest_of(std::span<const float> row);

/// The sum of e to the difference of each to `highest`, the largest of them, in double.
double sum_of_powers(std::span<const float> row, double highest);

}  // namespace anemone::runtime
