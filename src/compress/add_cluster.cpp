#include "compress/add_cluster.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace anemone::compress {
namespace {

constexpr int64_t kLanes = 2;  ///< that every 64-bit machine has
using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));
using Mask = int64_t __attribute__((vector_size(kLanes * sizeof(int64_t))));

Lanes load(const double* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

struct Begin {
  int64_t place = 0;
  double saved = 0;
};

class Rows {
 public:
  Rows(const LineSums& sums, const std::vector<double>& before, Range ends, bool empty,
       std::vector<double>& best)
      : sums_(sums.sum.data()),
        weights_(sums.weight.data()),
        before_(before.data()),
        best_(best.data()),
        first_end_(ends.low),
        empty_(empty),
        places_(static_cast<size_t>(ends.size())) {}

  /// Fills [first, last] when the clusters begin in [low, high].
  void divide(int64_t first, int64_t last, int64_t low, int64_t high) {
    while (first <= last) {
      const int64_t middle = first + (last - first) / 2;
      Begin begin = best_begin(middle, low, std::min(high, middle - 1));
      if (empty_ && middle <= high && before_[middle] > begin.saved)
        begin = {middle, before_[middle]};
      best_[middle] = begin.saved;
      places_[static_cast<size_t>(middle - first_end_)] = static_cast<int32_t>(begin.place);
      divide(first, middle - 1, low, begin.place);
      first = middle + 1;
      low = begin.place;
    }
  }

  std::vector<int32_t> take_places() { return std::move(places_); }

 private:
  Begin best_begin(int64_t end, int64_t low, int64_t high) const {
    const double sum = sums_[end];
    const double weight = weights_[end];
    int64_t at = low;
    Begin best{low, -1};
    if (high - low + 1 >= 2 * kLanes) {
      Lanes top = Lanes{} - 1;
      Mask where = {};
      Mask now = {low, low + 1};
      for (; at + kLanes <= high + 1; at += kLanes, now += kLanes) {
        const Lanes part = sum - load(sums_ + at);
        const Lanes value = load(before_ + at) + part * part / (weight - load(weights_ + at));
        const Mask above = value > top;
        top = above ? value : top;
        where = above ? now : where;
      }
      for (int64_t lane = 0; lane < kLanes; ++lane)
        if (top[lane] > best.saved || (top[lane] == best.saved && where[lane] < best.place))
          best = {where[lane], top[lane]};
    }
    for (; at <= high; ++at) {
      const double part = sum - sums_[at];
      const double value = before_[at] + part * part / (weight - weights_[at]);
      if (value > best.saved) best = {at, value};
    }
    return best;
  }

  const double* sums_;
  const double* weights_;
  const double* before_;
  double* best_;
  int64_t first_end_;
  bool empty_;
  std::vector<int32_t> places_;
};

}  // namespace

std::vector<int32_t> add_cluster(const LineSums& sums, const std::vector<double>& before,
                                 Range begins, Range ends, bool empty, std::vector<double>& best) {
  Rows rows(sums, before, ends, empty, best);
  rows.divide(ends.low, ends.high, begins.low, begins.high);
  return rows.take_places();
}

}  // namespace anemone::compress
