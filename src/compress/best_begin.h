#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "compress/line_sums.h"

namespace anemone::compress {

/// Where a cluster best begins, and what all clusters up to its end save then.
struct Begin {
  int64_t place = 0;
  double saved = 0;
};

/// Of clusters that begin in [low, high] and end before place `end`, where `before[i]` is what
/// those before place i save. The first of equals.
inline Begin best_begin(const LineSums& line, const double* before, int64_t end, int64_t low,
                        int64_t high) {
  constexpr double kLeast = std::numeric_limits<double>::lowest();
  constexpr int64_t kLanes = 2;  // that every 64-bit machine has
  using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));
  using Mask = int64_t __attribute__((vector_size(kLanes * sizeof(int64_t))));
  const auto load = [](const double* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof(lanes));
    return lanes;
  };
  const double* sums = line.sum.data();
  const double* weights = line.weight.data();
  const double sum = sums[end];
  const double weight = weights[end];
  int64_t at = low;
  Begin best{low, kLeast};
  if (high - low + 1 >= 2 * kLanes) {
    Lanes top = Lanes{} + kLeast;
    Mask where = {};
    Mask now = {low, low + 1};
    for (; at + kLanes <= high + 1; at += kLanes, now += kLanes) {
      const Lanes part = sum - load(sums + at);
      const Lanes value = load(before + at) + part * part / (weight - load(weights + at));
      const Mask above = value > top;
      top = above ? value : top;
      where = above ? now : where;
    }
    for (int64_t lane = 0; lane < kLanes; ++lane)
      if (top[lane] > best.saved || (top[lane] == best.saved && where[lane] < best.place))
        best = {where[lane], top[lane]};
  }
  for (; at <= high; ++at) {
    const double part = sum - sums[at];
    const double value = before[at] + part * part / (weight - weights[at]);
    if (value > best.saved) best = {at, value};
  }
  return best;
}

}  // namespace anemone::compress
