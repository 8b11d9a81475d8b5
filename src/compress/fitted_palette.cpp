#include "compress/fitted_palette.h"

#include <algorithm>
#include <numeric>

#include "base/float16.h"
#include "compress/add_products.h"
#include "compress/least_squares.h"
#include "compress/tables.h"

namespace anemone::compress {
namespace {

/// Turns of rounding and fitting; each costs as much as the first.
constexpr int kTurns = 3;
constexpr int kMostFittedBits = 6;  ///< larger tables lose too little for a fit to tell.
constexpr int64_t kRowsEach = 16;   ///< that a thread takes at once.

constexpr uint32_t kSign = 0x8000;
constexpr uint32_t kInfinity = 0x7c00;

WeightedLine weighted_line(std::span<const uint16_t> values, std::span<const float> costs) {
  std::vector<double> sums(size_t{1} << 16, 0.0);
  for (size_t i = 0; i < values.size(); ++i)
    sums[values[i]] += static_cast<double>(costs[i % costs.size()]);
  WeightedLine line;
  const auto add = [&](uint32_t bits, double sum) {
    if (sum == 0) return;
    line.values.push_back(static_cast<double>(fp16_to_float(static_cast<uint16_t>(bits))));
    line.weights.push_back(sum);
  };
  for (uint32_t bits = kSign + kInfinity - 1; bits > kSign; --bits) add(bits, sums[bits]);
  add(0, sums[0] + sums[kSign]);
  for (uint32_t bits = 1; bits < kInfinity; ++bits) add(bits, sums[bits]);
  return line;
}

/// Ascending fp16 numbers; the first of equals is the one that codes name.
std::vector<float> as_entries(std::span<const double> values) {
  std::vector<float> entries;
  for (const double value : values) entries.push_back(fp16_to_float(double_to_fp16(value)));
  std::ranges::sort(entries);
  entries.erase(std::ranges::unique(entries).begin(), entries.end());
  return entries;
}

/// One table and its rows.
class Group {
 public:
  Group(std::span<const uint16_t> values, const Compensation& inputs, int threads)
      : inputs_(inputs), threads_(threads), bits_(values), weights_(values.size()) {
    std::ranges::transform(values, weights_.begin(), fp16_to_float);
    rows_ = static_cast<int64_t>(values.size()) / inputs.size();
  }

  struct Result {
    std::vector<float> entries;
    std::vector<uint8_t> codes;
    double error = 0;
  };

  Result fit(int bits) const {
    Result best = rounded(
        as_entries(cluster_line(weighted_line(bits_, inputs_.costs()), int64_t{1} << bits)));
    if (bits > kMostFittedBits) return best;
    Result now = best;
    for (int turn = 1; turn < kTurns; ++turn) {
      now = rounded(as_entries(fitted_entries(now)));
      if (now.error < best.error) best = now;
    }
    return best;
  }

  double weigh() const {
    return sum_of_parts([&](size_t begin, size_t count) {
      return inputs_.weigh(std::span(weights_).subspan(begin, count));
    });
  }
  double squared_error(const Result& result) const {
    double sum = 0;
    for (size_t i = 0; i < weights_.size(); ++i) {
      const auto wrong = static_cast<double>(weights_[i] - result.entries[result.codes[i]]);
      sum += wrong * wrong;
    }
    return sum;
  }
  double squared_sum() const {
    double sum = 0;
    for (const float weight : weights_)
      sum += static_cast<double>(weight) * static_cast<double>(weight);
    return sum;
  }

 private:
  /// `part` of the elements of some rows, summed in the order of the rows.
  template <typename Part>
  double sum_of_parts(const Part& part) const {
    std::vector<double> parts(static_cast<size_t>((rows_ + kRowsEach - 1) / kRowsEach));
    for_each_range(rows_, kRowsEach, threads_, [&](int64_t begin, int64_t end) {
      parts[static_cast<size_t>(begin / kRowsEach)] =
          part(static_cast<size_t>(begin * inputs_.size()),
               static_cast<size_t>((end - begin) * inputs_.size()));
    });
    return std::accumulate(parts.begin(), parts.end(), 0.0);
  }

  Result rounded(std::vector<float> entries) const {
    Result result{std::move(entries), std::vector<uint8_t>(weights_.size())};
    const auto nearest = [&](int64_t, int64_t, float target) -> Compensation::Rounded {
      const auto above = std::ranges::lower_bound(result.entries, target);
      auto at = above - result.entries.begin();
      if (above == result.entries.end() ||
          (at > 0 && target - result.entries[static_cast<size_t>(at - 1)] <=
                         result.entries[static_cast<size_t>(at)] - target))
        --at;
      return {result.entries[static_cast<size_t>(at)], static_cast<uint8_t>(at)};
    };
    result.error = sum_of_parts([&](size_t begin, size_t count) {
      return inputs_.round(std::span(weights_).subspan(begin, count), nearest,
                           std::span(result.codes).subspan(begin, count));
    });
    return result;
  }

  /// The entries of least error for the codes of a result: the sums over rows of ST H S entries =
  /// ST H w, where S says which channel has which code.
  std::vector<double> fitted_entries(const Result& result) const {
    const size_t count = result.entries.size();
    const auto parts = static_cast<size_t>((rows_ + kRowsEach - 1) / kRowsEach);
    std::vector<std::vector<double>> systems(parts);
    for_each_range(rows_, kRowsEach, threads_, [&](int64_t begin, int64_t end) {
      auto& system = systems[static_cast<size_t>(begin / kRowsEach)];
      system.assign(count * (count + 1), 0.0);
      for (int64_t row = begin; row < end; ++row) add_equations(result, row, system);
    });
    for (size_t part = 1; part < parts; ++part)
      for (size_t i = 0; i < systems[0].size(); ++i) systems[0][i] += systems[part][i];
    return solve_near(systems[0], {result.entries.begin(), result.entries.end()});
  }

  /// `system`: for each entry a row of factors, and what they make.
  void add_equations(const Result& result, int64_t row, std::vector<double>& system) const {
    constexpr size_t kColumns = 256;
    const size_t count = result.entries.size();
    const auto size = static_cast<size_t>(inputs_.size());
    const uint8_t* codes = result.codes.data() + static_cast<size_t>(row) * size;
    const float* weights = weights_.data() + static_cast<size_t>(row) * size;
    const float one = 1;
    std::vector<float> sums(count * kColumns);
    for (size_t from = 0; from < size; from += kColumns) {
      const size_t width = std::min(kColumns, size - from);
      std::ranges::fill(sums, 0.0f);
      for (size_t k = 0; k < size; ++k)
        add_products(sums.data() + codes[k] * kColumns, &one,
                     inputs_.moment().data() + k * size + from, 0, 1, static_cast<int64_t>(width));
      for (size_t entry = 0; entry < count; ++entry)
        for (size_t k = 0; k < width; ++k) {
          const auto sum = static_cast<double>(sums[entry * kColumns + k]);
          system[entry * (count + 1) + codes[from + k]] += sum;
          system[entry * (count + 1) + count] += sum * static_cast<double>(weights[from + k]);
        }
    }
  }

  const Compensation& inputs_;
  int threads_;
  std::span<const uint16_t> bits_;
  std::vector<float> weights_;
  int64_t rows_ = 0;
};

}  // namespace

FittedPalette fitted_palette(const Matrix& matrix, int64_t table_rows, int bits,
                             const Compensation& inputs, int threads) {
  const int64_t count = matrix.rows() / table_rows;
  FittedPalette fitted;
  PaletteTables& tables = fitted.tables;
  tables.codes.resize(matrix.values().size());
  tables.entries.assign(static_cast<size_t>(count) << bits, 0.0f);
  tables.used.resize(static_cast<size_t>(count));
  struct Sums {
    double squared_error = 0;
    double squared_sum = 0;
    double error = 0;
    double sum = 0;
  };
  std::vector<Sums> sums(static_cast<size_t>(count));
  const int inside = count == 1 ? threads : 1;
  for_each_index(count, threads, [&](int64_t i) {
    const Group group(matrix.of_rows(i * table_rows, table_rows), inputs, inside);
    const Group::Result result = group.fit(bits);
    std::ranges::copy(result.codes, tables.codes.begin() + i * table_rows * matrix.columns());
    std::ranges::copy(result.entries, tables.entries.begin() + (i << bits));
    tables.used[static_cast<size_t>(i)] = result.entries.size();
    sums[static_cast<size_t>(i)] = {group.squared_error(result), group.squared_sum(), result.error,
                                    group.weigh()};
  });
  for (const Sums& one : sums) {
    tables.squared_error += one.squared_error;
    tables.squared_sum += one.squared_sum;
    fitted.output_error += one.error;
    fitted.output_sum += one.sum;
  }
  return fitted;
}

}  // namespace anemone::compress
