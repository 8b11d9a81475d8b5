#include "compress/cluster_line.h"

#include <algorithm>
#include <cstring>
#include <limits>

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

/// First and last place where a cluster may begin.
struct Range {
  int64_t low = 0;
  int64_t high = 0;
};

/// For rows 0 … `rows` - 1 the least of value(row, column) over columns from 0 to the row, whose
/// places never move back from row to row.
template <typename Value>
void least_of_rows(int64_t first, int64_t last, int64_t low, int64_t high, const Value& value,
                   std::vector<double>& least) {
  while (first <= last) {
    const int64_t middle = first + (last - first) / 2;
    double best = std::numeric_limits<double>::infinity();
    int64_t place = low;
    for (int64_t column = low; column <= std::min(high, middle); ++column) {
      const double now = value(middle, column);
      if (now < best) {
        best = now;
        place = column;
      }
    }
    least[static_cast<size_t>(middle)] = best;
    least_of_rows(first, middle - 1, low, place, value, least);
    first = middle + 1;
    low = place;
  }
}

/// The values in blocks. What clusters cost at least, wherever in a block one ends and the next
/// begins: such a block costs nothing. `cost(a, b)`: one cluster of the blocks [a, b).
/// Element [j][b]: j + 1 clusters of which the last ends in block b.
template <typename Cost>
std::vector<std::vector<double>> least_costs(int64_t blocks, int64_t clusters, const Cost& cost) {
  std::vector<std::vector<double>> least(static_cast<size_t>(clusters));
  least[0].resize(static_cast<size_t>(blocks));
  for (int64_t b = 0; b < blocks; ++b) least[0][static_cast<size_t>(b)] = cost(0, b);
  for (size_t j = 1; j < least.size(); ++j) {
    least[j].resize(static_cast<size_t>(blocks));
    const auto value = [&](int64_t row, int64_t column) {
      return least[j - 1][static_cast<size_t>(column)] +
             (column + 1 < row ? cost(column + 1, row) : 0.0);
    };
    least_of_rows(0, blocks - 1, 0, blocks - 1, value, least[j]);
  }
  return least;
}

/// What `clusters` cost when all of them begin where blocks do.
template <typename Cost>
double cost_by_blocks(int64_t blocks, int64_t clusters, const Cost& cost) {
  std::vector<double> before(static_cast<size_t>(blocks) + 1);
  for (int64_t b = 0; b <= blocks; ++b) before[static_cast<size_t>(b)] = cost(0, b);
  std::vector<double> now(before.size());
  for (int64_t j = 1; j < clusters; ++j) {
    const auto value = [&](int64_t row, int64_t column) {
      return before[static_cast<size_t>(column)] + (column < row ? cost(column, row) : 0.0);
    };
    least_of_rows(0, blocks, 0, blocks, value, now);
    std::swap(before, now);
  }
  return before.back();
}

/// Clusters [begin, end) are judged by sums over all values before; `saved` of a cluster is what
/// its mean explains. A division into clusters of least cost saves the most.
///
/// Where clusters can begin is known before: blocks of values give a division that costs little,
/// and bounds from below for all that begin in a block; what is bound to cost more is left out.
class Line {
 public:
  Line(const WeightedLine& line, int64_t count)
      : size_(static_cast<int64_t>(line.values.size())), count_(count) {
    // From the mean, where squares are small.
    double sum = 0;
    double weight = 0;
    for (size_t i = 0; i < line.values.size(); ++i) {
      sum += line.weights[i] * line.values[i];
      weight += line.weights[i];
    }
    center_ = sum / weight;
    const auto places = static_cast<size_t>(size_) + 1;
    weight_.assign(places, 0);
    sum_.assign(places, 0);
    square_.assign(places, 0);
    for (size_t i = 0; i < line.values.size(); ++i) {
      const double value = line.values[i] - center_;
      weight_[i + 1] = weight_[i] + line.weights[i];
      sum_[i + 1] = sum_[i] + line.weights[i] * value;
      square_[i + 1] = square_[i] + line.weights[i] * value * value;
    }
  }

  std::vector<double> means() {
    const std::vector<Range> ranges = begin_ranges();
    const auto places = static_cast<size_t>(size_) + 1;
    std::vector<std::vector<int32_t>> begins(static_cast<size_t>(count_));
    before_.assign(places, 0);
    best_.assign(places, 0);
    for (int64_t i = 1; i <= size_; ++i) best_[static_cast<size_t>(i)] = saved(0, i);
    for (int64_t cluster = 1; cluster < count_; ++cluster) {
      const auto index = static_cast<size_t>(cluster);
      std::swap(before_, best_);
      const Range ends = ranges[index + 1];
      begins[index].resize(static_cast<size_t>(ends.high - ends.low + 1));
      begins_ = begins[index].data();
      first_end_ = ends.low;
      divide(ends.low, ends.high, ranges[index].low, ranges[index].high);
    }
    std::vector<double> result(static_cast<size_t>(count_));
    int64_t end = size_;
    for (int64_t cluster = count_ - 1; cluster >= 0; --cluster) {
      const auto index = static_cast<size_t>(cluster);
      const int64_t begin =
          cluster == 0 ? 0 : begins[index][static_cast<size_t>(end - ranges[index + 1].low)];
      const auto [b, e] = std::pair{static_cast<size_t>(begin), static_cast<size_t>(end)};
      result[index] = center_ + (sum_[e] - sum_[b]) / (weight_[e] - weight_[b]);
      end = begin;
    }
    return result;
  }

 private:
  double saved(int64_t begin, int64_t end) const {
    const auto [b, e] = std::pair{static_cast<size_t>(begin), static_cast<size_t>(end)};
    const double sum = sum_[e] - sum_[b];
    return sum * sum / (weight_[e] - weight_[b]);
  }
  double cost(int64_t begin, int64_t end) const {
    if (begin >= end) return 0;
    return square_[static_cast<size_t>(end)] - square_[static_cast<size_t>(begin)] -
           saved(begin, end);
  }

  /// Element c: where cluster c can begin in a division of least cost; the last element is the end.
  std::vector<Range> begin_ranges() const {
    constexpr int64_t kLeastBlock = 4;
    constexpr int64_t kBlocksPerCluster = 32;
    constexpr double kRounding = 1e-9;
    std::vector<Range> ranges;
    // Every cluster has a value.
    for (int64_t c = 0; c <= count_; ++c) ranges.push_back({c, size_ - count_ + c});
    ranges[0].high = 0;
    ranges.back().low = size_;
    const int64_t blocks = std::min(kBlocksPerCluster * count_, size_ / kLeastBlock);
    if (count_ < 2 || blocks < 2 * count_) return ranges;
    std::vector<int64_t> starts;
    for (int64_t b = 0; b <= blocks; ++b) starts.push_back(b * size_ / blocks);
    const auto start = [&](int64_t b) { return starts[static_cast<size_t>(b)]; };
    const auto along = [&](int64_t a, int64_t b) { return cost(start(a), start(b)); };
    const auto against = [&](int64_t a, int64_t b) {
      return cost(start(blocks - b), start(blocks - a));
    };
    const double most = cost_by_blocks(blocks, count_, along) + kRounding * square_.back();
    const auto before = least_costs(blocks, count_ - 1, along);
    const auto after = least_costs(blocks, count_ - 1, against);
    for (int64_t c = 1; c < count_; ++c) {
      const auto& left = before[static_cast<size_t>(c - 1)];
      const auto& right = after[static_cast<size_t>(count_ - c - 1)];
      int64_t first = blocks;
      int64_t last = -1;
      for (int64_t b = 0; b < blocks; ++b) {
        if (left[static_cast<size_t>(b)] + right[static_cast<size_t>(blocks - 1 - b)] > most)
          continue;
        first = std::min(first, b);
        last = b;
      }
      if (last < 0) continue;
      Range& range = ranges[static_cast<size_t>(c)];
      range = {std::max(range.low, start(first)), std::min(range.high, start(last + 1))};
    }
    for (size_t c = 1; c < ranges.size(); ++c)
      ranges[c].low = std::max(ranges[c].low, ranges[c - 1].low + 1);
    for (size_t c = ranges.size() - 1; c > 1; --c)
      ranges[c - 1].high = std::min(ranges[c - 1].high, ranges[c].high - 1);
    return ranges;
  }

  /// Where in [low, high] the last cluster of the first `end` values begins best, the first of
  /// equals.
  int64_t best_begin(int64_t end, int64_t low, int64_t high, double& best) const {
    const double* before = before_.data();
    const double* sums = sum_.data();
    const double* weights = weight_.data();
    const double sum = sums[end];
    const double weight = weights[end];
    int64_t at = low;
    int64_t place = low;
    best = -1;
    if (high - low + 1 >= 2 * kLanes) {
      Lanes top = Lanes{} - 1;
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
        if (top[lane] > best || (top[lane] == best && where[lane] < place)) {
          best = top[lane];
          place = where[lane];
        }
    }
    for (; at <= high; ++at) {
      const double part = sum - sums[at];
      const double value = before[at] + part * part / (weight - weights[at]);
      if (value > best) {
        best = value;
        place = at;
      }
    }
    return place;
  }

  /// Fills [first, last] of `best_` when the last clusters begin in [low, high].
  void divide(int64_t first, int64_t last, int64_t low, int64_t high) {
    while (first <= last) {
      const int64_t middle = first + (last - first) / 2;
      double best = 0;
      const int64_t begin = best_begin(middle, low, std::min(high, middle - 1), best);
      best_[static_cast<size_t>(middle)] = best;
      begins_[middle - first_end_] = static_cast<int32_t>(begin);
      divide(first, middle - 1, low, begin);
      first = middle + 1;
      low = begin;
    }
  }

  int64_t size_;
  int64_t count_;
  double center_ = 0;
  std::vector<double> weight_;  ///< of the first values, by their number; so is `sum_`.
  std::vector<double> sum_;
  std::vector<double> square_;
  std::vector<double> before_;  ///< what the first values save in one cluster less.
  std::vector<double> best_;
  int32_t* begins_ = nullptr;  ///< of the clusters that end at `first_end_` and behind.
  int64_t first_end_ = 0;
};

}  // namespace

std::vector<double> cluster_line(const WeightedLine& line, int64_t count) {
  if (static_cast<int64_t>(line.values.size()) <= count) return line.values;
  return Line(line, count).means();
}

}  // namespace anemone::compress
