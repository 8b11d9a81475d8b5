#include "compress/compensation.h"

#include <algorithm>
#include <numeric>

#include "compress/add_products.h"
#include "compress/threads.h"

namespace anemone::compress {
namespace {

constexpr int64_t kBlock = 64;     ///< channels between updates of all that follow.
constexpr int64_t kRowsEach = 16;  ///< of weights that share what is read of U.

}  // namespace

Compensation::Compensation(const SecondMoment& moment, int threads, float damping)
    : size_(moment.size), order_(static_cast<size_t>(size_)) {
  const auto size = static_cast<size_t>(size_);
  const auto diagonal = [&](int32_t k) {
    return moment.values[static_cast<size_t>(k) * (size + 1)];
  };
  std::iota(order_.begin(), order_.end(), 0);
  double sum = 0;
  if (!moment.values.empty()) {
    std::ranges::stable_sort(order_, std::greater{}, diagonal);
    for (const int32_t k : order_) sum += static_cast<double>(diagonal(k));
  }
  const bool is_known = sum > 0;
  added_ = is_known ? static_cast<float>(sum / static_cast<double>(size_)) * damping : 1.0f;
  moment_.assign(size * size, 0.0f);
  factor_.assign(size * size, 0.0f);
  for_each_range(size_, kBlock, threads, [&](int64_t begin, int64_t end) {
    for (auto row = static_cast<size_t>(begin); row < static_cast<size_t>(end); ++row) {
      for (size_t k = 0; is_known && k < size; ++k)
        moment_[row * size + k] = moment.values[std::max(row, k) * size + std::min(row, k)];
      moment_[row * size + row] += added_;
    }
  });
  for_each_range(size_, kBlock, threads, [&](int64_t begin, int64_t end) {
    for (auto row = static_cast<size_t>(begin); row < static_cast<size_t>(end); ++row)
      for (size_t k = 0; k <= row; ++k)
        factor_[row * size + k] =
            moment_[static_cast<size_t>(order_[row]) * size + static_cast<size_t>(order_[k])];
  });
  pivots_.resize(size);
  costs_.resize(size);
  factor(threads);
  for (size_t k = 0; k < size; ++k) costs_[static_cast<size_t>(order_[k])] = pivots_[k];
}

/// From the last channel to the first, in blocks of rows: row k of the lower half becomes column k
/// of U, which then moves to the upper half.
void Compensation::factor(int threads) {
  const int64_t size = size_;
  float* const lower = factor_.data();
  for (int64_t end = size; end > 0;) {
    const int64_t begin = std::max<int64_t>(0, (end - 1) / kBlock * kBlock);
    float scales[kBlock];
    for (int64_t k = end - 1; k >= begin; --k) {
      float* const row = lower + k * size;
      for (int64_t later = k + 1; later < end; ++later)
        scales[later - k - 1] = -lower[later * size + k] * pivots_[static_cast<size_t>(later)];
      add_products(row, scales, lower + (k + 1) * size, size, end - k - 1, k + 1);
      // The pivots of a moment that is damped are no smaller than that; rounding may say less.
      const float pivot = std::max(row[k], added_);
      pivots_[static_cast<size_t>(k)] = pivot;
      for (int64_t j = 0; j < k; ++j) row[j] /= pivot;
      row[k] = 1;
    }
    for_each_range(begin, kRowsEach, threads, [&](int64_t first, int64_t last) {
      float mine[kBlock];
      for (int64_t row = first; row < last; ++row) {
        for (int64_t k = begin; k < end; ++k)
          mine[k - begin] = -lower[k * size + row] * pivots_[static_cast<size_t>(k)];
        add_products(lower + row * size, mine, lower + begin * size, size, end - begin, row + 1);
      }
    });
    end = begin;
  }
  for (int64_t row = 0; row < size; ++row)
    for (int64_t k = 0; k < row; ++k) std::swap(lower[row * size + k], lower[k * size + row]);
}

/// Adds to the targets behind `end` what the errors, `rows` in the order of rounding, of the
/// channels [begin, end) ask for.
void Compensation::apply(std::span<const float> rows, std::vector<float>& targets, int64_t begin,
                         int64_t end) const {
  constexpr int64_t kColumns = 512;  // with a block of channels, what the cache holds
  const int64_t count = static_cast<int64_t>(rows.size()) / size_;
  for (int64_t from = end; from < size_; from += kColumns)
    for (int64_t row = 0; row < count; ++row)
      add_products(targets.data() + row * size_ + from, rows.data() + row * size_ + begin,
                   factor_.data() + begin * size_ + from, size_, end - begin,
                   std::min(kColumns, size_ - from));
}

double Compensation::round(std::span<const float> weights, const Round& round,
                           std::span<uint8_t> codes) const {
  const auto size = static_cast<size_t>(size_);
  const auto rows = static_cast<int64_t>(weights.size() / size);
  double cost = 0;
  std::vector<float> targets;
  std::vector<float> errors;
  for (int64_t first = 0; first < rows; first += kRowsEach) {
    const int64_t count = std::min(kRowsEach, rows - first);
    targets.resize(static_cast<size_t>(count) * size);
    errors.assign(targets.size(), 0.0f);
    for (size_t row = 0; row < static_cast<size_t>(count); ++row)
      for (size_t k = 0; k < size; ++k)
        targets[row * size + k] =
            weights[(static_cast<size_t>(first) + row) * size + static_cast<size_t>(order_[k])];
    for (int64_t begin = 0; begin < size_; begin += kBlock) {
      const int64_t end = std::min(size_, begin + kBlock);
      for (int64_t row = 0; row < count; ++row)
        for (int64_t k = begin; k < end; ++k) {
          const int64_t channel = order_[static_cast<size_t>(k)];
          const auto place = static_cast<size_t>((first + row) * size_ + channel);
          float* const target = targets.data() + row * size_ + k;
          const Rounded rounded = round(first + row, channel, *target);
          const float error = weights[place] - rounded.value;
          const auto change = static_cast<double>(*target - rounded.value);
          codes[place] = rounded.code;
          errors[static_cast<size_t>(row * size_ + k)] = error;
          cost +=
              static_cast<double>(pivots_[static_cast<size_t>(k)]) * change * change -
              static_cast<double>(added_) * static_cast<double>(error) * static_cast<double>(error);
          add_products(target + 1, &error, factor_.data() + k * size_ + k + 1, size_, 1,
                       end - k - 1);
        }
      apply(errors, targets, begin, end);
    }
  }
  return std::max(cost, 0.0);
}

double Compensation::weigh(std::span<const float> errors) const {
  const auto size = static_cast<size_t>(size_);
  double cost = 0;
  std::vector<float> row(size);
  std::vector<float> sums;
  for (size_t first = 0; first < errors.size(); first += size) {
    for (size_t k = 0; k < size; ++k) row[k] = errors[first + static_cast<size_t>(order_[k])];
    sums = row;
    for (int64_t begin = 0; begin < size_; begin += kBlock) {
      const int64_t end = std::min(size_, begin + kBlock);
      for (int64_t k = begin; k < end; ++k)
        add_products(sums.data() + k + 1, row.data() + k, factor_.data() + k * size_ + k + 1, size_,
                     1, end - k - 1);
      apply(row, sums, begin, end);
    }
    for (size_t k = 0; k < size; ++k)
      cost +=
          static_cast<double>(pivots_[k]) * static_cast<double>(sums[k]) *
              static_cast<double>(sums[k]) -
          static_cast<double>(added_) * static_cast<double>(row[k]) * static_cast<double>(row[k]);
  }
  return std::max(cost, 0.0);
}

}  // namespace anemone::compress
