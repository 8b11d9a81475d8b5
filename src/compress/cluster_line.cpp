#include "compress/cluster_line.h"

#include <utility>

#include "compress/add_cluster.h"
#include "compress/begin_ranges.h"
#include "compress/priced_ranges.h"

namespace anemone::compress {
namespace {

/// Values a cluster: up to so many, prices bound ranges in less time than blocks of values do, but
/// where outliers are a thousand times and more beyond the rest.
constexpr int64_t kMostPriced = 128;

class Line {
 public:
  Line(const WeightedLine& line, int64_t count) : count_(count) {
    // From the mean, where squares are small.
    double sum = 0;
    double weight = 0;
    for (size_t i = 0; i < line.values.size(); ++i) {
      sum += line.weights[i] * line.values[i];
      weight += line.weights[i];
    }
    center_ = sum / weight;
    const size_t places = line.values.size() + 1;
    sums_.weight.assign(places, 0);
    sums_.sum.assign(places, 0);
    double squares = 0;
    for (size_t i = 0; i < line.values.size(); ++i) {
      const double value = line.values[i] - center_;
      sums_.weight[i + 1] = sums_.weight[i] + line.weights[i];
      sums_.sum[i + 1] = sums_.sum[i] + line.weights[i] * value;
      squares += line.weights[i] * value * value;
    }
    ranges_ = sums_.size() <= kMostPriced * count
                  ? priced_ranges(line, sums_, count)
                  : begin_ranges(line, sums_, center_, squares, count);
  }

  std::vector<double> means() const {
    std::vector<double> before(sums_.sum.size(), 0);
    std::vector<double> best(sums_.sum.size(), 0);
    std::vector<std::vector<int32_t>> begins(static_cast<size_t>(count_));
    for (int64_t end = ends(0).low; end <= ends(0).high; ++end)
      best[static_cast<size_t>(end)] = sums_.saved(0, end);
    for (int64_t cluster = 1; cluster < count_; ++cluster) {
      std::swap(before, best);
      begins[static_cast<size_t>(cluster)] =
          add_cluster(sums_, before, ends(cluster - 1), ends(cluster), false, best);
    }
    std::vector<double> result(static_cast<size_t>(count_));
    int64_t end = sums_.size();
    for (int64_t cluster = count_ - 1; cluster >= 0; --cluster) {
      const auto index = static_cast<size_t>(cluster);
      const int64_t begin =
          cluster == 0 ? 0 : begins[index][static_cast<size_t>(end - ends(cluster).low)];
      result[index] = center_ + sums_.mean(begin, end);
      end = begin;
    }
    return result;
  }

 private:
  const Range& ends(int64_t cluster) const { return ranges_[static_cast<size_t>(cluster) + 1]; }

  int64_t count_;
  double center_ = 0;
  LineSums sums_;
  std::vector<Range> ranges_;
};

}  // namespace

std::vector<double> cluster_line(const WeightedLine& line, int64_t count) {
  if (static_cast<int64_t>(line.values.size()) <= count) return line.values;
  return Line(line, count).means();
}

}  // namespace anemone::compress
