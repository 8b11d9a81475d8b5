#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

// The operations of lanes/scalar.h with AArch64 Advanced SIMD: four registers of four lanes.
namespace {

constexpr int64_t kLanes = 16;

struct Lanes {
  float32x4_t v[4];
};
struct IntLanes {
  int32x4_t v[4];
};

#define ANEMONE_EACH_PART for (int i = 0; i < 4; ++i)

inline Lanes broadcast(float value) {
  Lanes r;
  ANEMONE_EACH_PART r.v[i] = vdupq_n_f32(value);
  return r;
}
inline Lanes load(const float* p) {
  Lanes r;
  ANEMONE_EACH_PART r.v[i] = vld1q_f32(p + 4 * i);
  return r;
}
inline Lanes load(const uint16_t* p) {
  Lanes r;
  ANEMONE_EACH_PART r.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)));
  return r;
}
inline Lanes load_bf16(const uint16_t* p) {
  Lanes r;
  ANEMONE_EACH_PART r.v[i] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16));
  return r;
}
inline void store(float* p, Lanes x) { ANEMONE_EACH_PART vst1q_f32(p + 4 * i, x.v[i]); }
inline void store(uint16_t* p, Lanes x) {
  ANEMONE_EACH_PART vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(x.v[i])));
}

inline Lanes operator+(Lanes x, Lanes y) {
  ANEMONE_EACH_PART x.v[i] = vaddq_f32(x.v[i], y.v[i]);
  return x;
}
inline Lanes operator-(Lanes x, Lanes y) {
  ANEMONE_EACH_PART x.v[i] = vsubq_f32(x.v[i], y.v[i]);
  return x;
}
inline Lanes operator*(Lanes x, Lanes y) {
  ANEMONE_EACH_PART x.v[i] = vmulq_f32(x.v[i], y.v[i]);
  return x;
}
inline Lanes operator/(Lanes x, Lanes y) {
  ANEMONE_EACH_PART x.v[i] = vdivq_f32(x.v[i], y.v[i]);
  return x;
}
inline Lanes fma(Lanes x, Lanes y, Lanes z) {
  ANEMONE_EACH_PART z.v[i] = vfmaq_f32(z.v[i], x.v[i], y.v[i]);
  return z;
}
inline Lanes min(Lanes x, Lanes y) {
  ANEMONE_EACH_PART y.v[i] = vbslq_f32(vcltq_f32(x.v[i], y.v[i]), x.v[i], y.v[i]);
  return y;
}
inline Lanes max(Lanes x, Lanes y) {
  ANEMONE_EACH_PART y.v[i] = vbslq_f32(vcgtq_f32(x.v[i], y.v[i]), x.v[i], y.v[i]);
  return y;
}
inline Lanes sqrt(Lanes x) {
  ANEMONE_EACH_PART x.v[i] = vsqrtq_f32(x.v[i]);
  return x;
}
inline Lanes abs(Lanes x) {
  ANEMONE_EACH_PART x.v[i] = vabsq_f32(x.v[i]);
  return x;
}
inline Lanes copy_sign(Lanes x, Lanes y) {
  const uint32x4_t sign = vdupq_n_u32(0x80000000u);
  ANEMONE_EACH_PART x.v[i] = vbslq_f32(sign, y.v[i], x.v[i]);
  return x;
}
inline Lanes select_less(Lanes p, Lanes q, Lanes x, Lanes y) {
  ANEMONE_EACH_PART y.v[i] = vbslq_f32(vcltq_f32(p.v[i], q.v[i]), x.v[i], y.v[i]);
  return y;
}
inline Lanes select_nan(Lanes p, Lanes x, Lanes y) {
  ANEMONE_EACH_PART y.v[i] = vbslq_f32(vceqq_f32(p.v[i], p.v[i]), y.v[i], x.v[i]);
  return y;
}
inline Lanes round_even(Lanes x) {
  ANEMONE_EACH_PART x.v[i] = vrndnq_f32(x.v[i]);
  return x;
}
inline Lanes power_of_two(Lanes n) {
  ANEMONE_EACH_PART n.v[i] =
      vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.v[i]), vdupq_n_s32(127)), 23));
  return n;
}
inline Lanes round_fp16(Lanes x) {
  ANEMONE_EACH_PART x.v[i] = vcvt_f32_f16(vcvt_f16_f32(x.v[i]));
  return x;
}

inline IntLanes widen(uint8x16_t bytes) {
  const uint16x8_t low = vmovl_u8(vget_low_u8(bytes));
  const uint16x8_t high = vmovl_u8(vget_high_u8(bytes));
  return {{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))),
           vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low))),
           vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))),
           vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)))}};
}
inline IntLanes load_bytes(const uint8_t* p) { return widen(vld1q_u8(p)); }
template <int kBits>
IntLanes load_fields(const uint8_t* p) {
  uint8_t repeated[16];
  int8_t shifts[16];
  for (int i = 0; i < 16; ++i) {
    repeated[i] = p[i % (2 * kBits)];
    shifts[i] = static_cast<int8_t>(-kBits * (i / (2 * kBits)));
  }
  const uint8x16_t shifted = vshlq_u8(vld1q_u8(repeated), vld1q_s8(shifts));
  return widen(vandq_u8(shifted, vdupq_n_u8((1 << kBits) - 1)));
}
inline IntLanes load(const int32_t* p) {
  IntLanes r;
  ANEMONE_EACH_PART r.v[i] = vld1q_s32(p + 4 * i);
  return r;
}
inline IntLanes operator+(IntLanes x, IntLanes y) {
  ANEMONE_EACH_PART x.v[i] = vaddq_s32(x.v[i], y.v[i]);
  return x;
}
template <int kBy>
IntLanes shift_left(IntLanes x) {
  ANEMONE_EACH_PART x.v[i] = vshlq_n_s32(x.v[i], kBy);
  return x;
}
inline Lanes to_float(IntLanes x) {
  Lanes r;
  ANEMONE_EACH_PART r.v[i] = vcvtq_f32_s32(x.v[i]);
  return r;
}
inline Lanes gather(const float* base, IntLanes index) {
  int32_t at[16];
  float values[16];
  ANEMONE_EACH_PART vst1q_s32(at + 4 * i, index.v[i]);
  for (int i = 0; i < 16; ++i) values[i] = base[at[i]];
  return load(values);
}

template <int kEntries>
struct Table {
  const float* entries;
  explicit Table(const float* p) : entries(p) {}
  Lanes operator[](IntLanes index) const { return gather(entries, index); }
};

template <typename T>
void transpose_16x16(const T* from, int64_t row_stride, float* to) {
  for (int row = 0; row < 16; ++row) {
    float values[16];
    store(values, load(from + row * row_stride));
    for (int i = 0; i < 16; ++i) to[16 * i + row] = values[i];
  }
}

#undef ANEMONE_EACH_PART

}  // namespace
