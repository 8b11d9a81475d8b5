#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/float16.h"

// Sixteen float lanes in plain C++. The other headers of this folder define the same operations
// with the same results, bit for bit; every instruction set's translation unit includes exactly one
// of them. All is in an unnamed namespace so that no function compiled for one instruction set can
// be linked in place of another's.
namespace {

constexpr int64_t kLanes = 16;

struct Lanes {
  float v[kLanes];
};
struct IntLanes {
  int32_t v[kLanes];
};

#define ANEMONE_EACH_LANE for (int64_t i = 0; i < kLanes; ++i)

inline Lanes broadcast(float value) {
  Lanes r;
  ANEMONE_EACH_LANE r.v[i] = value;
  return r;
}
inline Lanes load(const float* p) {
  Lanes r;
  std::memcpy(r.v, p, sizeof r.v);
  return r;
}
inline Lanes load(const uint16_t* p) {
  Lanes r;
  ANEMONE_EACH_LANE r.v[i] = anemone::fp16_to_float(p[i]);
  return r;
}
inline Lanes load_bf16(const uint16_t* p) {
  Lanes r;
  ANEMONE_EACH_LANE r.v[i] = anemone::bf16_to_float(p[i]);
  return r;
}
inline void store(float* p, Lanes a) { std::memcpy(p, a.v, sizeof a.v); }
inline void store(uint16_t* p, Lanes a) { ANEMONE_EACH_LANE p[i] = anemone::float_to_fp16(a.v[i]); }

inline Lanes operator+(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE a.v[i] += b.v[i];
  return a;
}
inline Lanes operator-(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE a.v[i] -= b.v[i];
  return a;
}
inline Lanes operator*(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE a.v[i] *= b.v[i];
  return a;
}
inline Lanes operator/(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE a.v[i] /= b.v[i];
  return a;
}
/// a * b + c, rounded once.
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  ANEMONE_EACH_LANE c.v[i] = std::fma(a.v[i], b.v[i], c.v[i]);
  return c;
}
/// a < b ? a : b, so b where either is NaN.
inline Lanes min(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE b.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i];
  return b;
}
/// a > b ? a : b, so b where either is NaN.
inline Lanes max(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE b.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
  return b;
}
inline Lanes sqrt(Lanes a) {
  ANEMONE_EACH_LANE a.v[i] = std::sqrt(a.v[i]);
  return a;
}
inline Lanes abs(Lanes a) {
  ANEMONE_EACH_LANE a.v[i] = std::fabs(a.v[i]);
  return a;
}
/// The magnitude of a with the sign bit of b.
inline Lanes copy_sign(Lanes a, Lanes b) {
  ANEMONE_EACH_LANE a.v[i] = std::copysign(a.v[i], b.v[i]);
  return a;
}
/// a < b ? x : y
inline Lanes select_less(Lanes a, Lanes b, Lanes x, Lanes y) {
  ANEMONE_EACH_LANE y.v[i] = a.v[i] < b.v[i] ? x.v[i] : y.v[i];
  return y;
}
/// a is NaN ? x : y
inline Lanes select_nan(Lanes a, Lanes x, Lanes y) {
  ANEMONE_EACH_LANE y.v[i] = a.v[i] != a.v[i] ? x.v[i] : y.v[i];
  return y;
}
/// To the nearest integer, ties to even.
inline Lanes round_even(Lanes a) {
  ANEMONE_EACH_LANE a.v[i] = std::nearbyintf(a.v[i]);
  return a;
}
/// 2^n for integral n in [-126, 127].
inline Lanes power_of_two(Lanes n) {
  ANEMONE_EACH_LANE {
    const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(n.v[i]) + 127) << 23;
    std::memcpy(&n.v[i], &bits, sizeof bits);
  }
  return n;
}
inline Lanes round_fp16(Lanes a) {
  ANEMONE_EACH_LANE a.v[i] = anemone::fp16_to_float(anemone::float_to_fp16(a.v[i]));
  return a;
}

/// Sixteen bytes, zero-extended.
inline IntLanes load_bytes(const uint8_t* p) {
  IntLanes r;
  ANEMONE_EACH_LANE r.v[i] = p[i];
  return r;
}
/// Sixteen fields of kBits (1, 2 or 4) bits in 2 * kBits bytes: lane j is in byte j % (2 * kBits),
/// shifted by kBits * (j / (2 * kBits)).
template <int kBits>
IntLanes load_fields(const uint8_t* p) {
  IntLanes r;
  ANEMONE_EACH_LANE r.v[i] =
      (p[i % (2 * kBits)] >> (kBits * (i / (2 * kBits)))) & ((1 << kBits) - 1);
  return r;
}
inline IntLanes load(const int32_t* p) {
  IntLanes r;
  std::memcpy(r.v, p, sizeof r.v);
  return r;
}
inline IntLanes operator+(IntLanes a, IntLanes b) {
  ANEMONE_EACH_LANE a.v[i] += b.v[i];
  return a;
}
template <int kBy>
IntLanes shift_left(IntLanes a) {
  ANEMONE_EACH_LANE a.v[i] <<= kBy;
  return a;
}
inline Lanes to_float(IntLanes a) {
  Lanes r;
  ANEMONE_EACH_LANE r.v[i] = static_cast<float>(a.v[i]);
  return r;
}
inline Lanes gather(const float* base, IntLanes index) {
  Lanes r;
  ANEMONE_EACH_LANE r.v[i] = base[index.v[i]];
  return r;
}

/// A table of 16, 32 or 64 floats held close to the arithmetic; indices must lie inside it.
template <int kEntries>
struct Table {
  const float* entries;
  explicit Table(const float* p) : entries(p) {}
  Lanes operator[](IntLanes index) const { return gather(entries, index); }
};

/// Row i of `rows` becomes lane i of every result: to[j] = (rows[0][j], rows[1][j], …).
template <typename T>
void transpose_16x16(const T* from, int64_t row_stride, float* to) {
  for (int64_t row = 0; row < kLanes; ++row) {
    const Lanes values = load(from + row * row_stride);
    ANEMONE_EACH_LANE to[i * kLanes + row] = values.v[i];
  }
}

#undef ANEMONE_EACH_LANE

}  // namespace
