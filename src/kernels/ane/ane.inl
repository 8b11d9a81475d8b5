// The family's code, once for all instruction sets: included behind one of lanes/*.h. Plain
// arithmetic, of which compilers make vectors.
#include "kernels/ane/ane.h"

namespace {

inline uint32_t bits_of(float value) { return __builtin_bit_cast(uint32_t, value); }
inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

/// As kernels/ane/number.h, whose function might be linked for another instruction set.
inline float operand_of(uint16_t bits) {
  const float magnitude = float_of(static_cast<uint32_t>(bits & 0x7fff) << 13) * 0x1p112f;
  return float_of(bits_of(magnitude) | static_cast<uint32_t>(bits & 0x8000) << 16);
}

void decode(const uint16_t* from, int64_t stride, float scale, float* to, int64_t count) noexcept {
  if (stride == 1)
    for (int64_t i = 0; i < count; ++i) to[i] = operand_of(from[i]) * scale;
  else
    for (int64_t i = 0; i < count; ++i) to[i] = operand_of(from[i * stride]) * scale;
}

/// 2 to the exponent of a number, at least that of subnormal ones.
inline float power_of(float value, float least) {
  const float power = float_of(bits_of(value) & 0x7f800000u);
  return power < least ? least : power;
}

/// A product in units, rounded halves away from zero; 0 where its exponents are too small. What
/// does not fit becomes some other number.
inline uint32_t rounded_product(float x, float y, float product) {
  constexpr float kMost = 2147483520.0f;
  const uint32_t sign = bits_of(product) & 0x80000000u;
  const float half = float_of(bits_of(0.5f) | sign);
  float rounded = product + half;
  rounded = rounded < -kMost ? -kMost : rounded;
  rounded = rounded > kMost ? kMost : rounded;
  const float exponents = power_of(x, 4.0f) * power_of(y, 0x1p-14f);  // x is in units: 2^-14 is 4
  rounded = exponents < 1.0f ? 0.0f : rounded;
  return static_cast<uint32_t>(static_cast<int32_t>(rounded));
}

void add_products(const float* x, const float* y, int64_t count,
                  anemone::kernels::AneKernels::Sum* sum) noexcept {
  uint32_t units[kLanes] = {};
  float bounds[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t j = 0; j < kLanes; ++j) {
      const float product = x[i + j] * y[i + j];
      units[j] += rounded_product(x[i + j], y[i + j], product);
      bounds[j] += __builtin_fabsf(product);
    }
  for (int64_t j = 0; i + j < count; ++j) {
    const float product = x[i + j] * y[i + j];
    units[j] += rounded_product(x[i + j], y[i + j], product);
    bounds[j] += __builtin_fabsf(product);
  }
  for (int64_t j = 0; j < kLanes; ++j) {
    sum->units += units[j];
    sum->bound += bounds[j];
  }
}

constexpr anemone::kernels::AneKernels kAne{.decode = decode, .add_products = add_products};

}  // namespace
