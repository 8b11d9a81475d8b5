#pragma once

#include <cstdint>
#include <cstring>

namespace anemone::compress {

/// target[i] += sum over t of scales[t] * rows[t * stride + i], in the order of t, i < count.
inline void add_products(float* target, const float* scales, const float* rows, int64_t stride,
                         int64_t terms, int64_t count) {
  constexpr int64_t kLanes = 4;  // that every 64-bit machine has
  using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
  const auto load = [](const float* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof(lanes));
    return lanes;
  };
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    Lanes sums[4];
    for (int64_t j = 0; j < 4; ++j) sums[j] = load(target + i + j * kLanes);
    for (int64_t t = 0; t < terms; ++t) {
      const float* row = rows + t * stride + i;
      for (int64_t j = 0; j < 4; ++j) sums[j] += scales[t] * load(row + j * kLanes);
    }
    std::memcpy(target + i, sums, sizeof(sums));
  }
  for (; i < count; ++i)
    for (int64_t t = 0; t < terms; ++t) target[i] += scales[t] * rows[t * stride + i];
}

}  // namespace anemone::compress
