#include "compress/cluster_line.h"

#include <algorithm>
#include <cstring>

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

/// Costs of clusters [begin, end) come from sums over all values before; `saved` of a cluster is
/// what its mean explains. A division into clusters of least cost saves the most.
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
    for (size_t i = 0; i < line.values.size(); ++i) {
      weight_[i + 1] = weight_[i] + line.weights[i];
      sum_[i + 1] = sum_[i] + line.weights[i] * (line.values[i] - center_);
    }
  }

  std::vector<double> means() {
    const auto places = static_cast<size_t>(size_) + 1;
    std::vector<std::vector<int32_t>> begins(static_cast<size_t>(count_),
                                             std::vector<int32_t>(places, 0));
    before_.assign(places, 0);
    best_.assign(places, 0);
    for (int64_t i = 1; i <= size_; ++i) best_[static_cast<size_t>(i)] = saved(0, i);
    for (int64_t cluster = 1; cluster < count_; ++cluster) {
      std::swap(before_, best_);
      begins_ = begins[static_cast<size_t>(cluster)].data();
      // What follows needs at least one value for each cluster to come; the last is needed whole.
      const int64_t first = cluster + 1 < count_ ? cluster + 1 : size_;
      const int64_t last = size_ - (count_ - 1 - cluster);
      divide(first, last, cluster, last - 1);
    }
    std::vector<double> result(static_cast<size_t>(count_));
    int64_t end = size_;
    for (int64_t cluster = count_ - 1; cluster >= 0; --cluster) {
      const int64_t begin = begins[static_cast<size_t>(cluster)][static_cast<size_t>(end)];
      const auto [b, e] = std::pair{static_cast<size_t>(begin), static_cast<size_t>(end)};
      result[static_cast<size_t>(cluster)] =
          center_ + (sum_[e] - sum_[b]) / (weight_[e] - weight_[b]);
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
      begins_[middle] = static_cast<int32_t>(begin);
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
  std::vector<double> before_;  ///< what the first values save in one cluster less.
  std::vector<double> best_;
  int32_t* begins_ = nullptr;
};

}  // namespace

std::vector<double> cluster_line(const WeightedLine& line, int64_t count) {
  if (static_cast<int64_t>(line.values.size()) <= count) return line.values;
  return Line(line, count).means();
}

}  // namespace anemone::compress
