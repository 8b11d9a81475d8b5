#pragma once

#include <bit>
#include <cstdint>

/// The Neural Engine's arithmetic as others measured it: a model of public findings, not of a
/// circuit that anyone has documented (docs/ane-numerics.md). Numbers are fp16 bits.
/// Sources, by name: [751K] 751K-M6 `notes/numerics.md` (M4, M6); [forge] ANEForge
/// `docs/numeric-cliffs.md` (M1 to M5 Pro); read 2026-08 to 2026-11.
namespace anemone::kernels::ane {

/// fp16 bits as an operand. The largest exponent is one like others, so infinity is 65536 and a NaN
/// is more, up to 131008 [751K].
inline float decode(uint16_t bits) {
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fff) << 13;
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;  // exact, subnormals too
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
}

/// The nearest fp16, halves away from zero; infinite from 65520 on, as is NaN [751K], positive
/// whatever its sign, which differs between processors.
inline uint16_t round_half_away(double value) {
  constexpr int kDroppedBits = 52 - 10;
  constexpr int64_t kLeastExponent = -14;
  if (value != value) return 0x7c00;
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 48 & 0x8000);
  const auto exponent = static_cast<int64_t>(bits >> 52 & 0x7ff) - 1023;
  if (exponent >= 16) return static_cast<uint16_t>(sign | 0x7c00);
  const int64_t more = exponent < kLeastExponent ? kLeastExponent - exponent : 0;
  if (more > 11) return sign;
  const uint64_t mantissa = (bits & 0xfffffffffffff) | 1ull << 52;
  const int64_t dropped = kDroppedBits + more;
  const uint64_t rounded = (mantissa + (1ull << (dropped - 1))) >> dropped;
  // A mantissa that rounds up to the next power of two carries into the exponent.
  const uint64_t base = more > 0 ? 0 : static_cast<uint64_t>(exponent + 14) << 10;
  return static_cast<uint16_t>(sign | (base + rounded));
}

}  // namespace anemone::kernels::ane
