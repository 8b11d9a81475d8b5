#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

// The operations of lanes/scalar.h with AVX2, FMA and F16C: two registers of eight lanes.
namespace {

constexpr int64_t kLanes = 16;

struct Lanes {
  __m256 a, b;
};
struct IntLanes {
  __m256i a, b;
};

inline Lanes broadcast(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
inline Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline Lanes load(const uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
inline __m256 from_bf16(const uint16_t* p) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
inline Lanes load_bf16(const uint16_t* p) { return {from_bf16(p), from_bf16(p + 8)}; }
inline void store(float* p, Lanes x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
inline __m128i to_fp16(__m256 x) {
  return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline void store(uint16_t* p, Lanes x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_fp16(x.a));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), to_fp16(x.b));
}

inline Lanes operator+(Lanes x, Lanes y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
inline Lanes operator-(Lanes x, Lanes y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
inline Lanes operator*(Lanes x, Lanes y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
inline Lanes operator/(Lanes x, Lanes y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
inline Lanes fma(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
inline Lanes min(Lanes x, Lanes y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
inline Lanes max(Lanes x, Lanes y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
inline Lanes sqrt(Lanes x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
inline Lanes abs(Lanes x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
inline Lanes copy_sign(Lanes x, Lanes y) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(sign, x.a), _mm256_and_ps(sign, y.a)),
          _mm256_or_ps(_mm256_andnot_ps(sign, x.b), _mm256_and_ps(sign, y.b))};
}
inline Lanes select_less(Lanes p, Lanes q, Lanes x, Lanes y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(p.a, q.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(p.b, q.b, _CMP_LT_OQ))};
}
inline Lanes select_nan(Lanes p, Lanes x, Lanes y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(p.a, p.a, _CMP_UNORD_Q)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(p.b, p.b, _CMP_UNORD_Q))};
}
inline Lanes round_even(Lanes x) {
  constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.a, kMode), _mm256_round_ps(x.b, kMode)};
}
inline __m256 power_of_two(__m256 n) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvttps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
inline Lanes power_of_two(Lanes n) { return {power_of_two(n.a), power_of_two(n.b)}; }
inline Lanes round_fp16(Lanes x) {
  return {_mm256_cvtph_ps(to_fp16(x.a)), _mm256_cvtph_ps(to_fp16(x.b))};
}

inline IntLanes widen(__m128i bytes) {
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
inline IntLanes load_bytes(const uint8_t* p) {
  return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
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
  const IntLanes wide = widen(bytes);
  const auto shift = [](int lane) { return kBits * (lane / (2 * kBits)); };
  const __m256i low = _mm256_setr_epi32(shift(0), shift(1), shift(2), shift(3), shift(4), shift(5),
                                        shift(6), shift(7));
  const __m256i high = _mm256_setr_epi32(shift(8), shift(9), shift(10), shift(11), shift(12),
                                         shift(13), shift(14), shift(15));
  const __m256i mask = _mm256_set1_epi32((1 << kBits) - 1);
  return {_mm256_and_si256(_mm256_srlv_epi32(wide.a, low), mask),
          _mm256_and_si256(_mm256_srlv_epi32(wide.b, high), mask)};
}
inline IntLanes load(const int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
inline IntLanes operator+(IntLanes x, IntLanes y) {
  return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
template <int kBy>
IntLanes shift_left(IntLanes x) {
  return {_mm256_slli_epi32(x.a, kBy), _mm256_slli_epi32(x.b, kBy)};
}
inline Lanes to_float(IntLanes x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
inline Lanes gather(const float* base, IntLanes index) {
  return {_mm256_i32gather_ps(base, index.a, 4), _mm256_i32gather_ps(base, index.b, 4)};
}

/// 16 entries in two registers, chosen between by bit 3 of an index; larger tables by gather.
template <int kEntries>
struct Table {
  static_assert(kEntries == 16 || kEntries == 32 || kEntries == 64);
  const float* entries;
  __m256 low, high;
  explicit Table(const float* p)
      : entries(p), low(_mm256_loadu_ps(p)), high(_mm256_loadu_ps(p + 8)) {}
  __m256 find(__m256i index) const {
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index),
                            _mm256_permutevar8x32_ps(high, index), upper);
  }
  Lanes operator[](IntLanes index) const {
    if constexpr (kEntries == 16)
      return {find(index.a), find(index.b)};
    else
      return gather(entries, index);
  }
};

inline void transpose_8x8(__m256* r) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
  }
  for (int i = 0; i < 8; ++i) r[i] = t[i];
}
template <typename T>
void transpose_16x16(const T* from, int64_t row_stride, float* to) {
  for (int half = 0; half < 2; ++half) {
    __m256 left[8];
    __m256 right[8];
    for (int i = 0; i < 8; ++i) {
      const Lanes row = load(from + (half * 8 + i) * row_stride);
      left[i] = row.a;
      right[i] = row.b;
    }
    transpose_8x8(left);
    transpose_8x8(right);
    for (int i = 0; i < 8; ++i) {
      _mm256_storeu_ps(to + 16 * i + 8 * half, left[i]);
      _mm256_storeu_ps(to + 16 * (8 + i) + 8 * half, right[i]);
    }
  }
}

}  // namespace
