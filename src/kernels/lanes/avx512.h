#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

// The operations of lanes/scalar.h with AVX-512 (F, BW, VL, DQ).
namespace {

constexpr int64_t kLanes = 16;

struct Lanes {
  __m512 v;
};
struct IntLanes {
  __m512i v;
};

inline Lanes broadcast(float value) { return {_mm512_set1_ps(value)}; }
inline Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline Lanes load(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline Lanes load_bf16(const uint16_t* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
}
inline void store(float* p, Lanes a) { _mm512_storeu_ps(p, a.v); }
inline void store(uint16_t* p, Lanes a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

inline Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Lanes min(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Lanes sqrt(Lanes a) { return {_mm512_sqrt_ps(a.v)}; }
inline Lanes abs(Lanes a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
inline Lanes copy_sign(Lanes a, Lanes b) {
  const __m512 sign = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(sign, a.v), _mm512_and_ps(sign, b.v))};
}
inline Lanes select_less(Lanes a, Lanes b, Lanes x, Lanes y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}
inline Lanes select_nan(Lanes a, Lanes x, Lanes y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), y.v, x.v)};
}
inline Lanes round_even(Lanes a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Lanes power_of_two(Lanes n) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvttps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
}
inline Lanes round_fp16(Lanes a) {
  return {_mm512_cvtph_ps(_mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))};
}

inline IntLanes load_bytes(const uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
template <int kBits>
IntLanes load_fields(const uint8_t* p) {
  __m128i bytes;
  if constexpr (kBits == 4) {
    int64_t word;
    std::memcpy(&word, p, sizeof word);
    bytes = _mm_set1_epi64x(word);
  } else if constexpr (kBits == 2) {
    int32_t word;
    std::memcpy(&word, p, sizeof word);
    bytes = _mm_set1_epi32(word);
  } else {
    int16_t word;
    std::memcpy(&word, p, sizeof word);
    bytes = _mm_set1_epi16(word);
  }
  alignas(64) static constexpr int32_t kShift[16] = {
      kBits * (0 / (2 * kBits)),  kBits * (1 / (2 * kBits)),  kBits * (2 / (2 * kBits)),
      kBits * (3 / (2 * kBits)),  kBits * (4 / (2 * kBits)),  kBits * (5 / (2 * kBits)),
      kBits * (6 / (2 * kBits)),  kBits * (7 / (2 * kBits)),  kBits * (8 / (2 * kBits)),
      kBits * (9 / (2 * kBits)),  kBits * (10 / (2 * kBits)), kBits * (11 / (2 * kBits)),
      kBits * (12 / (2 * kBits)), kBits * (13 / (2 * kBits)), kBits * (14 / (2 * kBits)),
      kBits * (15 / (2 * kBits))};
  const __m512i wide = _mm512_srlv_epi32(_mm512_cvtepu8_epi32(bytes), _mm512_load_si512(kShift));
  return {_mm512_and_si512(wide, _mm512_set1_epi32((1 << kBits) - 1))};
}
inline IntLanes load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
inline IntLanes operator+(IntLanes a, IntLanes b) { return {_mm512_add_epi32(a.v, b.v)}; }
template <int kBy>
IntLanes shift_left(IntLanes a) {
  return {_mm512_slli_epi32(a.v, kBy)};
}
inline Lanes to_float(IntLanes a) { return {_mm512_cvtepi32_ps(a.v)}; }
inline Lanes gather(const float* base, IntLanes index) {
  return {_mm512_i32gather_ps(index.v, base, 4)};
}

/// 16 entries a register; the permutations look at the low bits of an index only.
template <int kEntries>
struct Table {
  static_assert(kEntries == 16 || kEntries == 32 || kEntries == 64);
  __m512 parts[size_t{kEntries / 16}];
  explicit Table(const float* p) {
    for (int i = 0; i < kEntries / 16; ++i) parts[i] = _mm512_loadu_ps(p + 16 * i);
  }
  Lanes operator[](IntLanes index) const {
    if constexpr (kEntries == 16) {
      return {_mm512_permutexvar_ps(index.v, parts[0])};
    } else if constexpr (kEntries == 32) {
      return {_mm512_permutex2var_ps(parts[0], index.v, parts[1])};
    } else {
      const __m512 low = _mm512_permutex2var_ps(parts[0], index.v, parts[1]);
      const __m512 high = _mm512_permutex2var_ps(parts[2], index.v, parts[3]);
      const __mmask16 upper = _mm512_test_epi32_mask(index.v, _mm512_set1_epi32(32));
      return {_mm512_mask_blend_ps(upper, low, high)};
    }
  }
};

template <typename T>
void transpose_16x16(const T* from, int64_t row_stride, float* to) {
  __m512 r[16];
  __m512 t[16];
  for (int i = 0; i < 16; ++i) r[i] = load(from + i * row_stride).v;
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  // r[4 g + c] holds, per 128-bit part p, column 4 p + c of rows 4 g … 4 g + 3.
  for (int c = 0; c < 4; ++c) {
    const __m512 low01 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
    const __m512 high01 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
    const __m512 low23 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
    const __m512 high23 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
    _mm512_storeu_ps(to + 16 * c, _mm512_shuffle_f32x4(low01, low23, 0x88));
    _mm512_storeu_ps(to + 16 * (4 + c), _mm512_shuffle_f32x4(high01, high23, 0x88));
    _mm512_storeu_ps(to + 16 * (8 + c), _mm512_shuffle_f32x4(low01, low23, 0xdd));
    _mm512_storeu_ps(to + 16 * (12 + c), _mm512_shuffle_f32x4(high01, high23, 0xdd));
  }
}

}  // namespace
