#include "compress/priced_ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "compress/best_begin.h"

namespace anemone::compress {
namespace {

constexpr int kMostPrices = 40;   ///< that are tried; what is known by then holds as well.
constexpr int64_t kSlack = 4;     ///< places to either side, for sums are rounded.
constexpr double kErrorTerm = 6;  ///< see first_price.
constexpr double kExponent = 3;

/// The best division of the line and of all that it begins with, at one price of a cluster.
struct Division {
  double price = 0;
  std::vector<int64_t> begins;  ///< of the last cluster before each place.
  std::vector<int64_t> ends;    ///< of the clusters of the whole line, and 0 first.

  int64_t count() const { return static_cast<int64_t>(ends.size()) - 1; }
  /// Of `cluster`, which there need not be.
  int64_t end(int64_t cluster) const {
    return ends[static_cast<size_t>(std::clamp<int64_t>(cluster, 0, count()))];
  }
};

class Prices {
 public:
  Prices(const WeightedLine& line, const LineSums& sums, int64_t count)
      : line_(line), sums_(sums), size_(sums.size()), count_(count) {
    few_.price = std::numeric_limits<double>::infinity();
    few_.begins.assign(sums.weight.size(), 0);
    few_.ends = {0, size_};
    many_.begins.resize(sums.weight.size());
    std::iota(many_.begins.begin() + 1, many_.begins.end(), 0);
    many_.ends.resize(sums.weight.size());
    std::iota(many_.ends.begin(), many_.ends.end(), 0);
  }

  std::vector<Range> ranges() {
    double price = first_price();
    for (int i = 0; i < kMostPrices && price > many_.price && price < few_.price; ++i) {
      Division now = division(price);
      const int64_t count = now.count();
      if (count <= count_) few_ = now;
      if (count >= count_) many_ = std::move(now);
      if (count_ - few_.count() <= 1 || many_.count() - count_ <= 1) break;
      price = next_price(price, count);
    }
    std::vector<Range> ranges;
    for (int64_t c = 0; c <= count_; ++c) {
      const int64_t low = std::max(many_.end(c), few_.end(c - (count_ - few_.count())));
      const int64_t high = std::min(few_.end(c), many_.end(c + (many_.count() - count_)));
      const Range range{std::clamp(low - kSlack, c, size_ - count_ + c),
                        std::clamp(high + kSlack, c, size_ - count_ + c)};
      ranges.push_back({range.low, std::max(range.low, range.high)});
    }
    ranges.front() = {0, 0};
    ranges.back() = {size_, size_};
    return ranges;
  }

 private:
  /// Many clusters leave about Q^3 / (12 count^2), where Q is the sum over short lengths of the
  /// line of the cube root of weight * length^2 (Panter and Dite, 1951); the price is what one more
  /// cluster gains.
  double first_price() const {
    constexpr int64_t kLength = 4;
    double root = 0;
    for (int64_t first = 0; first < size_; first += kLength) {
      const int64_t last = std::min(first + kLength, size_ - 1);
      const double length =
          line_.values[static_cast<size_t>(last)] - line_.values[static_cast<size_t>(first)];
      root += std::cbrt(sums_.weight_of(first, std::min(first + kLength, size_)) * length * length);
    }
    return std::pow(root / static_cast<double>(count_), kExponent) / kErrorTerm;
  }

  /// By the same rule, or between the two that are nearest.
  double next_price(double price, int64_t count) const {
    const double guess =
        price * std::pow(static_cast<double>(count) / static_cast<double>(count_), kExponent);
    if (many_.price == 0 || std::isinf(few_.price)) return guess;
    const double most = std::log(static_cast<double>(many_.count()));
    const double least = std::log(static_cast<double>(few_.count()));
    const double share = (most - std::log(static_cast<double>(count_))) / (most - least);
    return many_.price * std::pow(few_.price / many_.price, share);
  }

  /// Clusters are longer than those at a lower price, and shorter than at a higher one.
  Division division(double price) const {
    Division now{price, std::vector<int64_t>(sums_.weight.size(), 0), {}};
    std::vector<double> saved(sums_.weight.size(), 0);
    int64_t low = 0;
    for (int64_t end = 1; end <= size_; ++end) {
      const auto place = static_cast<size_t>(end);
      low = std::max(low, few_.begins[place]);
      const Begin begin =
          best_begin(sums_, saved.data(), end, low, std::max(low, many_.begins[place]));
      saved[place] = begin.saved - price;
      low = now.begins[place] = begin.place;
    }
    for (int64_t end = size_; end > 0; end = now.begins[static_cast<size_t>(end)])
      now.ends.push_back(end);
    now.ends.push_back(0);
    std::ranges::reverse(now.ends);
    return now;
  }

  const WeightedLine& line_;
  const LineSums& sums_;
  int64_t size_;
  int64_t count_;
  Division few_;   ///< of at most `count_` clusters.
  Division many_;  ///< of at least as many.
};

}  // namespace

std::vector<Range> priced_ranges(const WeightedLine& line, const LineSums& sums, int64_t count) {
  return Prices(line, sums, count).ranges();
}

}  // namespace anemone::compress
