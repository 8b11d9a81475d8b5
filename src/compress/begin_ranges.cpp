#include "compress/begin_ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compress/add_cluster.h"

namespace anemone::compress {
namespace {

constexpr int64_t kLeastBlock = 4;
constexpr int64_t kFirstBlocksPerCluster = 4;
constexpr int64_t kFiner = 3;       ///< from one size of blocks to the next.
constexpr int64_t kWidth = 2;       ///< of all ranges, by blocks: if narrower, blocks do not pay.
constexpr int kSteps = 8;           ///< of Lloyd's method.
constexpr double kRounding = 1e-9;  ///< of sums, relative to that of all squares.

/// Neighbouring values as one each.
struct Blocks {
  std::vector<int64_t> starts;   ///< the last element is the end.
  LineSums sums;                 ///< before each edge.
  std::vector<double> spread;    ///< of each block: the sum of |value - mean of the block|.
  std::vector<double> most_gap;  ///< of each block: between the means beside a boundary in it.

  int64_t count() const { return static_cast<int64_t>(spread.size()); }
  int64_t start(int64_t block) const { return starts[static_cast<size_t>(block)]; }
};

class Bounds {
 public:
  Bounds(const WeightedLine& line, const LineSums& sums, double center, double squares,
         int64_t count)
      : line_(line),
        sums_(sums),
        center_(center),
        squares_(squares),
        size_(sums.size()),
        count_(count),
        cost_(std::numeric_limits<double>::infinity()) {
    // Every cluster has a value.
    for (int64_t c = 0; c <= count_; ++c) ranges_.push_back({c, size_ - count_ + c});
    ranges_[0].high = 0;
    ranges_.back().low = size_;
  }

  std::vector<Range> narrowed() {
    int64_t blocks = kFirstBlocksPerCluster * count_;
    if (count_ < 2 || blocks > size_ / 2) return ranges_;
    densities_ = densities();
    for (bool first = true; blocks <= size_ / 2 && width() > kWidth * blocks;
         blocks *= kFiner, first = false) {
      Blocks parts = in_blocks(blocks);
      edges_ = edges_of(parts);
      if (first) {
        credits_.assign(static_cast<size_t>(count_ + 1), {});
        forward(parts);
      }
      bound_gaps(parts);
      set_credits(parts);
      forward(parts);
      backward(parts);
    }
    return ranges_;
  }

 private:
  double value(int64_t place) const { return line_.values[static_cast<size_t>(place)] - center_; }
  /// Of all ranges.
  int64_t width() const {
    int64_t width = 0;
    for (const Range& range : ranges_) width += range.size();
    return width;
  }
  Range& range(int64_t c) { return ranges_[static_cast<size_t>(c)]; }
  const Range& edges(int64_t c) const { return edges_[static_cast<size_t>(c)]; }

  /// How many clusters there may be up to each group of kLeastBlock values, in some unit: where
  /// they are many and errors small, by the density of values to the power of a quarter.
  std::vector<double> densities() const {
    std::vector<double> sums{0};
    for (int64_t first = 0; first < size_; first += kLeastBlock) {
      const int64_t last = std::min(first + kLeastBlock, size_);
      const double length = value(std::min(last, size_ - 1)) - value(first);
      const double weight = sums_.weight_of(first, last);
      sums.push_back(sums.back() + std::sqrt(length * std::sqrt(length * weight)));
    }
    return sums;
  }

  /// About `most`, each with room for as many clusters as the others.
  Blocks in_blocks(int64_t most) const {
    Blocks blocks;
    blocks.starts.push_back(0);
    const double share = densities_.back() / static_cast<double>(most);
    double next = share;
    for (size_t group = 1; group < densities_.size(); ++group) {
      if (densities_[group] < next) continue;
      const auto end = std::min(static_cast<int64_t>(group) * kLeastBlock, size_);
      // What is worth more than a block is taken apart.
      int64_t start = end;
      if (densities_[group] - densities_[group - 1] > share)
        start = std::max(blocks.starts.back() + 1, static_cast<int64_t>(group - 1) * kLeastBlock);
      for (; start <= end; ++start)
        if (start < size_) blocks.starts.push_back(start);
      next = densities_[group] + share;
    }
    blocks.starts.push_back(size_);
    for (const int64_t start : blocks.starts) {
      blocks.sums.weight.push_back(sums_.weight[static_cast<size_t>(start)]);
      blocks.sums.sum.push_back(sums_.sum[static_cast<size_t>(start)]);
    }
    const auto count = static_cast<int64_t>(blocks.starts.size()) - 1;
    for (int64_t b = 0; b < count; ++b) {
      const auto [first, last] = std::pair{blocks.start(b), blocks.start(b + 1)};
      const double mean = sums_.mean(first, last);
      const auto begin = line_.values.begin();
      const auto half = std::lower_bound(begin + first, begin + last, mean + center_) - begin;
      blocks.spread.push_back(
          2 * std::abs(sums_.weight_of(first, half) * mean - sums_.sum_of(first, half)));
    }
    return blocks;
  }

  /// The edges that bound the blocks of each range.
  std::vector<Range> edges_of(const Blocks& blocks) const {
    std::vector<Range> edges;
    const auto& starts = blocks.starts;
    for (const Range& range : ranges_) {
      const auto above = std::ranges::upper_bound(starts, range.low) - starts.begin();
      edges.push_back({above - 1, std::ranges::lower_bound(starts, range.high) - starts.begin()});
    }
    return edges;
  }

  /// What a boundary in a block leaves between the two means: where they are far from it, all
  /// values around cost much.
  void bound_gaps(Blocks& blocks) const {
    const int64_t count = blocks.count();
    blocks.most_gap.clear();
    for (int64_t b = 0; b < count; ++b) {
      const double low = value(blocks.start(b));
      const double high = value(blocks.start(b + 1) - 1);
      double quarter = std::numeric_limits<double>::infinity();
      for (int64_t more = 1;; more *= 2) {
        const int64_t first = blocks.start(std::max<int64_t>(0, b - more));
        const int64_t last = blocks.start(std::min(count, b + 1 + more));
        const double reach = std::max(high - value(first), value(last - 1) - low);
        const double bound = std::sqrt(cost_ / sums_.weight_of(first, last));
        quarter = std::min(quarter, std::max(reach, bound));
        if (reach >= bound || last - first == size_) break;
      }
      blocks.most_gap.push_back(4 * quarter);
    }
  }

  /// Element [c][edge - edges(c).low]: what a boundary there may have gained by cutting a block.
  void set_credits(const Blocks& blocks) {
    for (int64_t c = 1; c < count_; ++c) {
      const double gap =
          sums_.mean(range(c).high, range(c + 1).high) - sums_.mean(range(c - 1).low, range(c).low);
      const auto of_block = [&](int64_t b) {
        if (b < 0 || b == blocks.count()) return 0.0;
        const auto block = static_cast<size_t>(b);
        return std::min(gap, blocks.most_gap[block]) * blocks.spread[block];
      };
      auto& credits = credits_[static_cast<size_t>(c)];
      credits.clear();
      for (int64_t edge = edges(c).low; edge <= edges(c).high; ++edge)
        credits.push_back(std::max(of_block(edge - 1), of_block(edge)));
    }
  }

  double credit(int64_t c, int64_t edge) const {
    const auto& credits = credits_[static_cast<size_t>(c)];
    return credits.empty() ? 0.0 : credits[static_cast<size_t>(edge - edges(c).low)];
  }

  /// Element [c][edge - edges(c).low] of `saved_`: what c clusters before that edge save at most,
  /// its own credit included. Then the division that is best so is tried.
  void forward(const Blocks& blocks) {
    const auto places = static_cast<size_t>(blocks.count()) + 1;
    std::vector<double> before(places, 0);
    std::vector<double> best(places, 0);
    std::vector<std::vector<int32_t>> begins(static_cast<size_t>(count_) + 1);
    saved_.assign(static_cast<size_t>(count_) + 1, {});
    for (int64_t c = 1; c <= count_; ++c) {
      std::swap(before, best);
      begins[static_cast<size_t>(c)] =
          add_cluster(blocks.sums, before, edges(c - 1), edges(c), true, best);
      for (int64_t edge = edges(c).low; edge <= edges(c).high; ++edge) {
        if (c < count_) best[static_cast<size_t>(edge)] += credit(c, edge);
        saved_[static_cast<size_t>(c)].push_back(best[static_cast<size_t>(edge)]);
      }
    }
    std::vector<int64_t> division(static_cast<size_t>(count_) + 1, size_);
    int64_t edge = blocks.count();
    for (int64_t c = count_; c > 0; --c) {
      edge = begins[static_cast<size_t>(c)][static_cast<size_t>(edge - edges(c).low)];
      division[static_cast<size_t>(c - 1)] = blocks.start(edge);
    }
    improve(std::move(division));
  }

  /// Lloyd's steps from a division: lower `cost_`.
  void improve(std::vector<int64_t> begins) {
    const auto n = static_cast<size_t>(count_);
    for (int step = 0; step < kSteps; ++step) {
      for (size_t c = 1; c < n; ++c) begins[c] = std::max(begins[c], begins[c - 1] + 1);
      for (size_t c = n - 1; c > 0; --c) begins[c] = std::min(begins[c], begins[c + 1] - 1);
      double cost = squares_;
      for (size_t c = 0; c < n; ++c) cost -= sums_.saved(begins[c], begins[c + 1]);
      if (cost >= cost_) return;
      cost_ = cost;
      double mean = sums_.mean(0, begins[1]);
      for (size_t c = 1; c < n; ++c) {
        const double next = sums_.mean(begins[c], begins[c + 1]);
        const double middle = center_ + (mean + next) / 2;
        begins[c] = std::ranges::lower_bound(line_.values, middle) - line_.values.begin();
        mean = next;
      }
    }
  }

  /// What the clusters from each edge on save at most; with it `ranges_`.
  void backward(const Blocks& blocks) {
    const int64_t last = blocks.count();
    LineSums reversed = blocks.sums;
    for (auto* sums : {&reversed.weight, &reversed.sum}) {
      std::ranges::reverse(*sums);
      const double all = sums->front();
      for (double& sum : *sums) sum = all - sum;
    }
    const double least = squares_ - cost_ - kRounding * squares_;
    const auto from_end = [&](int64_t c) {
      return Range{last - edges(c).high, last - edges(c).low};
    };
    std::vector<double> before(blocks.starts.size(), 0);
    std::vector<double> best(blocks.starts.size(), 0);
    for (int64_t c = count_ - 1; c > 0; --c) {
      std::swap(before, best);
      add_cluster(reversed, before, from_end(c + 1), from_end(c), true, best);
      int64_t low = last + 1;
      int64_t high = -1;
      for (int64_t edge = edges(c).low; edge <= edges(c).high; ++edge) {
        double& saved = best[static_cast<size_t>(last - edge)];
        if (saved_[static_cast<size_t>(c)][static_cast<size_t>(edge - edges(c).low)] + saved >=
            least) {
          low = std::min(low, edge);
          high = edge;
        }
        saved += credit(c, edge);
      }
      if (high < 0) continue;
      // In the block before the edge, or in that behind it.
      const int64_t first = low == 0 ? 0 : blocks.start(low - 1) + 1;
      const int64_t end = high == last ? size_ : blocks.start(high + 1) - 1;
      range(c) = {std::max(range(c).low, first), std::min(range(c).high, end)};
    }
    for (int64_t c = 1; c <= count_; ++c)
      range(c).low = std::max(range(c).low, range(c - 1).low + 1);
    for (int64_t c = count_; c > 1; --c)
      range(c - 1).high = std::min(range(c - 1).high, range(c).high - 1);
  }

  const WeightedLine& line_;
  const LineSums& sums_;
  double center_;
  double squares_;
  int64_t size_;
  int64_t count_;
  double cost_;  ///< of the best division that was found.
  std::vector<double> densities_;
  std::vector<Range> ranges_;
  std::vector<Range> edges_;
  std::vector<std::vector<double>> credits_;
  std::vector<std::vector<double>> saved_;
};

}  // namespace

std::vector<Range> begin_ranges(const WeightedLine& line, const LineSums& sums, double center,
                                double squares, int64_t count) {
  return Bounds(line, sums, center, squares, count).narrowed();
}

}  // namespace anemone::compress
