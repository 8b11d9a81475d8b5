#pragma once

#include <cstdint>

#include "kernels/ane/number.h"

namespace anemone::kernels::ane {

/// A finished sum is infinite from here on, though fp16 goes to 65504 [751K]. [forge] finds the
/// same cliff at outputs of 32752 to 32759: fp16 has steps of 16 there.
inline constexpr double kAccumulatorLimit = 32768;
/// What a sum is counted in.
inline constexpr double kUnitsInOne = 65536;
/// Products whose exponents add up to less are dropped; subnormal numbers have exponent -14
/// [751K].
inline constexpr int kLeastExponentSum = -16;

/// The sum of products of convolutions and matrix products: 32 bits of fixed point, Q15.16. Each
/// product is rounded to units of 2^-16, halves away from zero; once a partial sum reaches the
/// limit it is infinite and stays so, whatever follows [751K].
class Accumulator {
 public:
  /// Starts from a bias, which is rounded to units as well [751K].
  explicit Accumulator(uint16_t bias = 0);
  void add_product(uint16_t a, uint16_t b);
  bool overflowed() const { return overflowed_; }
  /// Rounded to fp16, halves away from zero [751K].
  uint16_t result() const;

 private:
  void add(double value);

  int64_t units_ = 0;
  bool overflowed_ = false;
};

/// The result for a sum that never overflowed.
inline uint16_t finished_sum(int64_t units) {
  return round_half_away(static_cast<double>(units) / kUnitsInOne);
}

/// A result that was summed without limits: infinite where the finished sum passes the limit, and
/// no negative zero.
uint16_t limited_sum(double sum);

}  // namespace anemone::kernels::ane
