#pragma once

#include <cstdint>

namespace anemone::mil {

/// The numbers of the random ops: SplitMix64 (Steele, Lea, Flood 2014) started at the seed. The
/// same seed gives the same numbers everywhere; Core ML's own generator is not public, and its
/// numbers are others. The default seed -1 is a seed like any other, so that a program repeats its
/// results.
class RandomStream {
 public:
  explicit RandomStream(int64_t seed) : state_(static_cast<uint64_t>(seed)) {}

  uint64_t next();
  /// In [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Mean 0, standard deviation 1: Box and Muller's transform of two uniform numbers.
  double normal();

 private:
  uint64_t state_;
};

}  // namespace anemone::mil
