#pragma once

#include <cstdint>

/// Stored weights, which are bf16 as a rule, as numbers to compute with. The bits of a result
/// depend on its operands alone.
namespace anemone::kernels {

struct ConversionKernels {
  /// to[i] = from[i] * scale, computed in fp32 and rounded to nearest even; what does not fit
  /// becomes infinity, NaN stays NaN. Whether all of `to` is finite. The ranges do not overlap.
  bool (*bf16_to_fp16)(const uint16_t* from, float scale, uint16_t* to, int64_t count) noexcept;
  /// The same without the last rounding.
  bool (*bf16_to_fp32)(const uint16_t* from, float scale, float* to, int64_t count) noexcept;
  /// The sum of x[i]^2 * factors[i]: lane i mod 16 adds its terms in their order, then the halves
  /// of the lanes are added until one is left.
  float (*weighted_squares)(const float* x, const float* factors, int64_t count) noexcept;
  /// most[i] = the larger of most[i] and |x[i]|.
  void (*raise_to_magnitudes)(const float* x, float* most, int64_t count) noexcept;
};

}  // namespace anemone::kernels
