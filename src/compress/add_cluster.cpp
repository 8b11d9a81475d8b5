#include "compress/add_cluster.h"

#include <algorithm>
#include <utility>

#include "compress/best_begin.h"

namespace anemone::compress {
namespace {

class Rows {
 public:
  Rows(const LineSums& sums, const std::vector<double>& before, Range ends, bool empty,
       std::vector<double>& best)
      : sums_(sums),
        before_(before.data()),
        best_(best.data()),
        first_end_(ends.low),
        empty_(empty),
        places_(static_cast<size_t>(ends.size())) {}

  /// Fills [first, last] when the clusters begin in [low, high].
  void divide(int64_t first, int64_t last, int64_t low, int64_t high) {
    while (first <= last) {
      const int64_t middle = first + (last - first) / 2;
      Begin begin = best_begin(sums_, before_, middle, low, std::min(high, middle - 1));
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
  const LineSums& sums_;
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
