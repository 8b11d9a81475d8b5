#include "compress/second_moment.h"

#include "compress/add_products.h"
#include "compress/threads.h"

namespace anemone::compress {

void SecondMoment::add(const float* inputs, int64_t rows, int threads) {
  constexpr int64_t kRowsAtOnce = 64;    // a tile of inputs stays in the cache
  constexpr int64_t kChannelsEach = 16;  // of H, for a thread
  if (values.empty()) values.assign(static_cast<size_t>(size * size), 0.0f);
  tokens += rows;
  for_each_range(size, kChannelsEach, threads, [&](int64_t begin, int64_t end) {
    float scales[kRowsAtOnce];
    for (int64_t first = 0; first < rows; first += kRowsAtOnce) {
      const int64_t count = std::min(kRowsAtOnce, rows - first);
      const float* tile = inputs + first * size;
      for (int64_t k = begin; k < end; ++k) {
        for (int64_t t = 0; t < count; ++t) scales[t] = tile[t * size + k];
        add_products(values.data() + k * size, scales, tile, size, count, k + 1);
      }
    }
  });
}

}  // namespace anemone::compress
