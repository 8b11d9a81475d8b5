// The family's code, once for all instruction sets: included behind one of lanes/*.h.
#include "kernels/conversion/conversion.h"

namespace {

template <typename To>
bool from_bf16(const uint16_t* from, float scale, To* to, int64_t count) noexcept {
  // What is no less rounds to infinity: 65504 and half a step, and everything infinite.
  const Lanes limit = broadcast(sizeof(To) == 2 ? 65520.0f : __builtin_inff());
  const Lanes factor = broadcast(scale);
  const Lanes inside = broadcast(0.0f);
  const Lanes outside = broadcast(1.0f);
  Lanes found = inside;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes values = load_bf16(from + i) * factor;
    found = found + select_less(abs(values), limit, inside, outside);
    store(to + i, values);
  }
  if (i < count) {
    uint16_t some[kLanes] = {};
    for (int64_t k = i; k < count; ++k) some[k - i] = from[k];
    const Lanes values = load_bf16(some) * factor;
    found = found + select_less(abs(values), limit, inside, outside);
    To rounded[kLanes];
    store(rounded, values);
    for (int64_t k = i; k < count; ++k) to[k] = rounded[k - i];
  }
  float any[kLanes];
  store(any, found);
  for (int64_t k = 0; k < kLanes; ++k)
    if (any[k] != 0.0f) return false;
  return true;
}

float weighted_squares(const float* x, const float* factors, int64_t count) noexcept {
  Lanes sums = broadcast(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes values = load(x + i);
    sums = sums + values * values * load(factors + i);
  }
  float lanes[kLanes];
  store(lanes, sums);
  for (int64_t k = i; k < count; ++k) lanes[k - i] += x[k] * x[k] * factors[k];
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  return lanes[0];
}

void raise_to_magnitudes(const float* x, float* most, int64_t count) noexcept {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(most + i, max(load(most + i), abs(load(x + i))));
  for (; i < count; ++i) {
    const float magnitude = __builtin_fabsf(x[i]);
    if (most[i] < magnitude) most[i] = magnitude;
  }
}

constexpr anemone::kernels::ConversionKernels kConversion{
    .bf16_to_fp16 = from_bf16<uint16_t>,
    .bf16_to_fp32 = from_bf16<float>,
    .weighted_squares = weighted_squares,
    .raise_to_magnitudes = raise_to_magnitudes,
};

}  // namespace
