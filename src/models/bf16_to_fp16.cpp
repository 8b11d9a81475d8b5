#include "models/bf16_to_fp16.h"

#include <cstring>

#include "base/float16.h"

namespace anemone::models {
namespace {

constexpr size_t kBlock = 64;

/// Values whose magnitude is normal in fp16 or zero keep their mantissa, which is the shorter one:
/// 16-bit integers do it. Whether all of the block are such.
bool convert_block(const uint16_t* from, uint16_t* to) {
  constexpr uint16_t kBias = (127 - 15) << 7;
  constexpr uint16_t kLeast = (127 - 14) << 7;
  constexpr uint16_t kCount = 30 << 7;
  uint16_t in[kBlock];
  uint16_t out[kBlock];
  std::memcpy(in, from, sizeof in);
  uint16_t outside = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const uint16_t magnitude = in[i] & 0x7fffu;
    const auto is_zero = static_cast<uint16_t>(magnitude == 0 ? 0xffffu : 0);
    const auto above = static_cast<uint16_t>(magnitude - kLeast);
    const auto is_outside = static_cast<uint16_t>(above >= kCount ? 0xffffu : 0);
    const auto moved = static_cast<uint16_t>((magnitude - kBias) << 3);
    outside |= static_cast<uint16_t>(is_outside & ~is_zero);
    out[i] = static_cast<uint16_t>((in[i] & 0x8000u) | (moved & ~is_zero));
  }
  std::memcpy(to, out, sizeof out);
  return outside == 0;
}

}  // namespace

void bf16_to_fp16(const uint16_t* from, uint16_t* to, size_t count) {
  size_t at = 0;
  while (at < count) {
    if (count - at >= kBlock && convert_block(from + at, to + at)) {
      at += kBlock;
      continue;
    }
    const size_t end = count - at < kBlock ? count : at + kBlock;
    for (; at < end; ++at) to[at] = float_to_fp16(bf16_to_float(from[at]));
  }
}

}  // namespace anemone::models
