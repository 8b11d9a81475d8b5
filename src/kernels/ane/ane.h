#pragma once

#include <cstdint>

/// Products as the Neural Engine sums them (kernels/ane/accumulator.h), many at a time. All is
/// exact, so every instruction set gives the same bits.
namespace anemone::kernels {

struct AneKernels {
  /// decode(from[i * stride]) * scale, a power of two.
  void (*decode)(const uint16_t* from, int64_t stride, float scale, float* to,
                 int64_t count) noexcept;

  struct Sum {
    uint32_t units = 0;  ///< modulo 2^32, of 2^-16.
    float bound = 0;     ///< about what the magnitudes of the products add up to, in units.
  };
  /// Adds the rounded products x[i] * y[i] to `sum`, x in units (decoded with scale 65536). While
  /// `bound` is below kCertain, no partial sum in any order has overflowed, but for a bias.
  void (*add_products)(const float* x, const float* y, int64_t count, Sum* sum) noexcept;
  static constexpr float kCertain = 0x1p30f;
};

}  // namespace anemone::kernels
