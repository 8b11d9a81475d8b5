#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace anemone::eval {

/// numpy.argmax: the first of equal values; the first NaN counts as the highest, so that a caller
/// who cannot take one finds it there. 0 of nothing.
template <typename Number>
size_t arg_max(std::span<const Number> values) {
  size_t best = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) return i;
    if (values[i] > values[best]) best = i;
  }
  return best;
}

}  // namespace anemone::eval
