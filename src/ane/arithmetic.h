#pragma once

#include <cstdint>
#include <span>

/// The Neural Engine's arithmetic as others measured it: a model of public findings, not of a
/// circuit that anyone has documented. Numbers are fp16 bits.
/// Sources, by name: [751K] 751K-M6 `notes/numerics.md` (M4, M6); [forge] ANEForge
/// `docs/numeric-cliffs.md` and `bench/results/ROOFLINES.md` (M1 to M5 Pro); read 2026-08.
namespace anemone::ane {

/// A finished sum is infinite from here on, though fp16 goes to 65504 [751K]. [forge] finds the
/// same cliff at outputs of 32752 to 32759: fp16 has steps of 16 there.
inline constexpr double kAccumulatorLimit = 32768;
/// Products whose exponents add up to this or less are dropped [751K].
inline constexpr int kDroppedExponentSum = -17;
/// On M1 to M3 a slice that does not start at the first element of the last axis turns magnitudes
/// above this into infinity [forge].
inline constexpr double kShiftedSliceLimit = 4094;

/// The sum of products of convolutions and matrix products: 32 bits of fixed point, Q15.16. Once
/// a partial sum reaches the limit it is infinite and stays so, whatever follows [751K].
class Accumulator {
 public:
  /// Starts from a bias [751K].
  explicit Accumulator(uint16_t bias = 0);
  void add_product(uint16_t a, uint16_t b);
  bool overflowed() const { return overflowed_; }
  /// The largest magnitude that a partial sum had; that of the limit after an overflow.
  double largest() const;
  /// Rounded to fp16, halves away from zero [751K].
  uint16_t result() const;

 private:
  void add(double value);

  int64_t units_ = 0;  ///< of 2^-16
  int64_t largest_ = 0;
  bool overflowed_ = false;
  bool negative_ = false;  ///< the sign of the infinity
};

/// bias + sum of a[i] * b[i], in order. CHECKs equal lengths.
uint16_t dot(std::span<const uint16_t> a, std::span<const uint16_t> b, uint16_t bias = 0);

/// NaN is read as a large number and becomes an infinity of its sign [751K]; others stay.
uint16_t read_operand(uint16_t value);

/// Functions that are tables of 33 points with lines between them [751K].
enum class Activation : uint8_t {
  sigmoid,  ///< on [-8, 8], step 0.5; wrong by up to 3.4e-3.
  gelu,     ///< exact and tanh form alike; wrong by up to 6.2e-3, which a step of 0.25 gives.
  silu,     ///< wrong by up to 1.5e-2, which a step of 0.5 gives.
};
/// Beyond its table a function is its limit: 0, 1 or x.
uint16_t activate(Activation activation, uint16_t x);

/// The nearest fp16, halves away from zero; infinite from 65520 on.
uint16_t round_half_away(double value);

}  // namespace anemone::ane
