#include <numeric>

#include "base/float16.h"
#include "compress/linear_codes.h"

namespace anemone::compress {

CompensatedCodes compensated_codes(const Matrix& matrix, const LinearBlocks& blocks,
                                   const LinearWords& words, const Compensation& inputs,
                                   int threads) {
  constexpr int64_t kRowsEach = 16;  // that share what is read of the factor
  // The scales are also those of a matrix that is one block.
  CompensatedCodes result;
  const bool is_whole = blocks.rows == 1 && matrix.rows() > 1;
  if (is_whole) result.codes = linear_codes(matrix, blocks, words, threads);
  result.codes.codes.resize(matrix.values().size());
  result.codes.scales.resize(static_cast<size_t>(blocks.rows * blocks.per_row));
  result.codes.offsets.resize(result.codes.scales.size());
  struct Sums {
    double squared_error = 0;
    double squared_sum = 0;
    double error = 0;
    double sum = 0;
  };
  std::vector<Sums> sums(static_cast<size_t>((matrix.rows() + kRowsEach - 1) / kRowsEach));
  const auto columns = static_cast<size_t>(matrix.columns());
  for_each_range(matrix.rows(), kRowsEach, threads, [&](int64_t begin, int64_t end) {
    std::vector<float> values(static_cast<size_t>(end - begin) * columns);
    std::ranges::transform(matrix.of_rows(begin, end - begin), values.begin(), fp16_to_float);
    const auto place_of = [&](int64_t row, int64_t channel) {
      if (is_whole) return size_t{0};
      return static_cast<size_t>(row * blocks.per_row + channel / blocks.columns);
    };
    for (int64_t row = begin; row < end && !is_whole; ++row)
      for (int64_t block = 0; block < blocks.per_row; ++block) {
        const auto at = static_cast<size_t>(block * blocks.columns);
        const auto length = static_cast<size_t>(blocks.columns);
        const LinearBlock fitted = fit_block(
            std::span(values).subspan(static_cast<size_t>(row - begin) * columns + at, length),
            words, inputs.costs().subspan(at, length));
        const size_t place = place_of(row, block * blocks.columns);
        result.codes.scales[place] = fitted.scale;
        result.codes.offsets[place] = static_cast<uint8_t>(fitted.offset);
      }
    Sums& mine = sums[static_cast<size_t>(begin / kRowsEach)];
    const auto round = [&](int64_t row, int64_t channel, float target) {
      const size_t place = place_of(begin + row, channel);
      const auto rounded = rounded_value(
          target, {result.codes.scales[place], result.codes.offsets[place], 0}, words);
      const float value = values[static_cast<size_t>(row * matrix.columns() + channel)];
      const auto wrong = static_cast<double>(value - rounded.value);
      mine.squared_error += wrong * wrong;
      mine.squared_sum += static_cast<double>(value) * static_cast<double>(value);
      return rounded;
    };
    mine.error = inputs.round(
        values, round,
        std::span(result.codes.codes).subspan(static_cast<size_t>(begin) * columns, values.size()));
    mine.sum = inputs.weigh(values);
  });
  result.codes.squared_error = 0;
  result.codes.squared_sum = 0;
  for (const Sums& one : sums) {
    result.codes.squared_error += one.squared_error;
    result.codes.squared_sum += one.squared_sum;
    result.output_error += one.error;
    result.output_sum += one.sum;
  }
  return result;
}

}  // namespace anemone::compress
