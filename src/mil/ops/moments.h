#pragma once

#include <span>

namespace anemone::mil {

struct Moments {
  double mean = 0;
  double variance = 0;  ///< the biased one: divided by the count.
};

/// In two passes over the values, in fp64.
inline Moments moments_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  Moments moments;
  for (const double value : values) moments.mean += value;
  moments.mean /= count;
  for (const double value : values)
    moments.variance += (value - moments.mean) * (value - moments.mean);
  moments.variance /= count;
  return moments;
}

}  // namespace anemone::mil
