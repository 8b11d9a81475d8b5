#pragma once

#include <bit>
#include <cstdint>

namespace anemone {

/// IEEE 754 binary16 bits to float; exact.
inline float fp16_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  constexpr float kSubnormalUnit =
      0x1p-24f;  // value of the lowest mantissa bit of a subnormal fp16
  const float magnitude = static_cast<float>(mantissa) * kSubnormalUnit;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
}

/// Float to binary16 bits, round to nearest even; overflow becomes infinity, NaN stays NaN (quiet).
inline uint16_t float_to_fp16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // >= 65520
  if (magnitude < 0x38800000u) {  // below 2^-14: subnormal or zero
    // Adding 0.5 puts the units of 2^-24 at the end of the mantissa; the addition rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

inline float bf16_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

/// Round to nearest even; NaN stays NaN.
inline uint16_t float_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// Double to binary16 bits with one rounding. Going through float rounds twice; the float is
/// therefore rounded to odd first, which keeps the information that a tie is none.
inline uint16_t double_to_fp16(double value) {
  float narrowed = static_cast<float>(value);
  if (static_cast<double>(narrowed) != value && narrowed == narrowed) {
    uint32_t bits = std::bit_cast<uint32_t>(narrowed);
    const double back = static_cast<double>(narrowed);
    const bool away = value < 0 ? back < value : back > value;
    if ((bits & 0x7f800000u) == 0x7f800000u) return float_to_fp16(narrowed);
    if (away && (bits & 0x7fffffffu) != 0) bits -= 1;
    narrowed = std::bit_cast<float>(bits | 1u);
  }
  return float_to_fp16(narrowed);
}

}  // namespace anemone
