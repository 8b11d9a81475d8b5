#include "compress/linear_codes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "compress/words.h"

namespace anemone::compress {
namespace {

#define ANEMONE_INLINE inline __attribute__((always_inline))

constexpr size_t kLanes = 8;

/// Whether eight numbers fit into a register, and may. There is no fused addition in AVX2 itself,
/// so the results are the same.
bool uses_avx2([[maybe_unused]] Instructions instructions) {
#ifdef __x86_64__
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has && instructions == Instructions::best;
#else
  return false;
#endif
}

/// Shares of the largest magnitude that the end of the range stands for.
constexpr float kShares[] = {1.0f, 0.96f, 0.92f, 0.88f, 0.84f, 0.8f, 0.75f, 0.7f};

struct Range {
  float low;
  float high;
};
Range range_of(const LinearWords& words) {
  const auto levels = static_cast<float>(1 << words.bits);
  return words.affine ? Range{0, levels - 1} : Range{-levels / 2, levels / 2 - 1};
}

/// To the nearest integer, halves to even; |x| < 2^22.
ANEMONE_INLINE float rounded(float x) {
  constexpr float kShift = 0x1.8p23f;
  return (x + kShift) - kShift;
}

ANEMONE_INLINE float code_of(float value, float inverse, float offset, Range range) {
  // Outside of the range first: what follows needs small numbers.
  const float scaled = std::min(std::max(value * inverse + offset, range.low - 1), range.high + 1);
  return std::min(std::max(rounded(scaled), range.low), range.high);
}

struct Bounds {
  float low = 0;
  float high = 0;
};
Bounds bounds_of(std::span<const float> values) {
  float low[kLanes] = {};
  float high[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      low[lane] = std::min(low[lane], values[i + lane]);
      high[lane] = std::max(high[lane], values[i + lane]);
    }
  for (; i < values.size(); ++i) {
    low[0] = std::min(low[0], values[i]);
    high[0] = std::max(high[0], values[i]);
  }
  return {*std::ranges::min_element(low), *std::ranges::max_element(high)};
}

/// Finite numbers, without a branch: the exponent is moved, then put right by a multiplication.
void put_floats(std::span<const uint16_t> values, std::span<float> floats) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t magnitude = static_cast<uint32_t>(values[i] & 0x7fff) << 13;
    const uint32_t sign = static_cast<uint32_t>(values[i] & 0x8000) << 16;
    floats[i] = std::bit_cast<float>(sign | magnitude) * 0x1p112f;
  }
}

double squared_sum_of(std::span<const float> values) {
  double sums[kLanes] = {};
  for (size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<double>(values[i]);
    sums[i % kLanes] += value * value;
  }
  return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

/// The scale and offset for which `share` of the bounds fills the range.
LinearBlock block_for(Bounds bounds, float share, const LinearWords& words) {
  const Range range = range_of(words);
  LinearBlock block;
  if (!words.affine) {
    const float largest = std::max(-bounds.low, bounds.high);
    if (largest > 0) block.scale = fp16_scale(largest * share / range.high, range.high);
    return block;
  }
  if (bounds.low == bounds.high) return block;
  block.scale = fp16_scale((bounds.high - bounds.low) * share / range.high, 1);
  const float offset =
      std::clamp(std::nearbyint(-bounds.low * share / block.scale), range.low, range.high);
  block.offset = static_cast<int>(offset);
  block.scale = fp16_scale(block.scale, std::max(offset, range.high - offset));
  return block;
}

ANEMONE_INLINE double error_of_lanes(std::span<const float> values, const LinearBlock& block,
                                     Range range) {
  const float inverse = 1 / block.scale;
  const auto offset = static_cast<float>(block.offset);
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      const float wrong = (code_of(value, inverse, offset, range) - offset) * block.scale - value;
      sums[lane] += wrong * wrong;
    }
  for (; i < values.size(); ++i) {
    const float wrong =
        (code_of(values[i], inverse, offset, range) - offset) * block.scale - values[i];
    sums[0] += wrong * wrong;
  }
  for (size_t half = kLanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return static_cast<double>(sums[0]);
}

ANEMONE_INLINE void put_lanes(std::span<const float> values, const LinearBlock& block, Range range,
                              int mask, uint8_t* codes) {
  const float inverse = 1 / block.scale;
  const auto offset = static_cast<float>(block.offset);
  for (size_t i = 0; i < values.size(); ++i)
    codes[i] =
        static_cast<uint8_t>(static_cast<int>(code_of(values[i], inverse, offset, range)) & mask);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) double error_of_avx2(std::span<const float> values,
                                                     const LinearBlock& block, Range range) {
  return error_of_lanes(values, block, range);
}
__attribute__((target("avx2"))) void put_avx2(std::span<const float> values,
                                              const LinearBlock& block, Range range, int mask,
                                              uint8_t* codes) {
  put_lanes(values, block, range, mask, codes);
}
#else
constexpr auto error_of_avx2 = error_of_lanes;
constexpr auto put_avx2 = put_lanes;
#endif

double error_of(std::span<const float> values, std::span<const float> costs,
                const LinearBlock& block, const LinearWords& words) {
  if (costs.empty()) return block_error(values, block, words);
  const Range range = range_of(words);
  const float inverse = 1 / block.scale;
  const auto offset = static_cast<float>(block.offset);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const float wrong =
        (code_of(values[i], inverse, offset, range) - offset) * block.scale - values[i];
    sum += static_cast<double>(costs[i] * wrong * wrong);
  }
  return sum;
}

/// Whether codes beyond the bounds, which a share below 1 may give, stay inside fp16.
bool may_shrink(Bounds bounds) {
  constexpr float kMost = kLargestFp16 / 1.25f;
  return std::max(-bounds.low, bounds.high) < kMost;
}

/// One block for the whole matrix.
LinearBlock fit_all(std::span<const float> values, int64_t columns, const LinearWords& words,
                    int threads) {
  const Bounds bounds = bounds_of(values);
  LinearBlock best = block_for(bounds, 1, words);
  best.squared_error = -1;
  std::vector<double> errors(values.size() / static_cast<size_t>(columns));
  for (const float share : kShares) {
    if (share < 1 && !may_shrink(bounds)) break;
    LinearBlock block = block_for(bounds, share, words);
    for_each_range(
        static_cast<int64_t>(errors.size()), 64, threads, [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row)
            errors[static_cast<size_t>(row)] = block_error(
                values.subspan(static_cast<size_t>(row * columns), static_cast<size_t>(columns)),
                block, words);
        });
    block.squared_error = 0;
    for (const double error : errors) block.squared_error += error;
    if (best.squared_error < 0 || block.squared_error < best.squared_error) best = block;
  }
  return best;
}

}  // namespace

std::string LinearWords::text() const {
  std::string text = fmt::format("int{}", bits);
  text += block < 0 ? ":tensor" : block == 0 ? ":channel" : fmt::format(":b{}", block);
  return affine ? text + ":affine" : text;
}

DType LinearWords::stored() const {
  if (bits == 4) return affine ? DType::uint4 : DType::int4;
  return affine ? DType::uint8 : DType::int8;
}

Result<std::optional<LinearWords>> parse_linear(const std::vector<std::string>& words) {
  const auto bits = number_after("int", words[0]);
  if (!bits) return std::optional<LinearWords>();
  if (*bits != 4 && *bits != 8)
    return with_hint(fail(ErrorCode::invalid_argument, "'{}': integers have 4 or 8 bits", words[0]),
                     fmt::format("the nearest is int{}", *bits < 6 ? 4 : 8));
  LinearWords linear{.bits = static_cast<int>(*bits)};
  OneOf blocking;
  OneOf offset;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "channel") {
      ANEMONE_RETURN_IF_ERROR(blocking.add(word, words));
      linear.block = 0;
    } else if (word == "tensor") {
      ANEMONE_RETURN_IF_ERROR(blocking.add(word, words));
      linear.block = -1;
    } else if (word == "affine") {
      ANEMONE_RETURN_IF_ERROR(offset.add(word, words));
      linear.affine = true;
    } else if (const auto block = number_after("b", word); block && *block >= 1) {
      ANEMONE_RETURN_IF_ERROR(blocking.add(word, words));
      linear.block = *block;
    } else {
      return with_hint(fail(ErrorCode::invalid_argument, "'{}' says nothing of integers", word),
                       fmt::format("integers may have channel, tensor or bN, and affine behind "
                                   "them: int{}:b32",
                                   linear.bits));
    }
  }
  return std::optional(linear);
}

Status check_linear_target(const Weight& weight, const LinearWords& words) {
  if (words.bits == 8 && words.block <= 0) return check_compressed(weight, words.text());
  return check_blockwise(weight, words.text(),
                         words.affine ? "int8:channel:affine" : "int8:channel");
}

LinearBlocks linear_blocks(const Weight& weight, const LinearWords& words) {
  LinearBlocks blocks;
  const int64_t kernel = weight.columns() / weight.inputs();
  if (words.block < 0) {
    blocks.columns = weight.rows() * weight.columns();
  } else {
    const int64_t size = words.block == 0 ? weight.inputs() : divisor(weight.inputs(), words.block);
    blocks.rows = weight.rows();
    blocks.per_row = weight.inputs() / size;
    blocks.columns = size * kernel;
  }
  blocks.scale_shape = along_rows(weight, blocks.rows);
  blocks.scale_shape[1 - weight.output_axis] = blocks.per_row;
  return blocks;
}

LinearBlock fit_block(std::span<const float> values, const LinearWords& words,
                      std::span<const float> costs) {
  const Bounds bounds = bounds_of(values);
  LinearBlock best;
  best.squared_error = -1;
  for (const float share : kShares) {
    if (share < 1 && !may_shrink(bounds)) break;
    LinearBlock block = block_for(bounds, share, words);
    block.squared_error = error_of(values, costs, block, words);
    if (best.squared_error < 0 || block.squared_error < best.squared_error) best = block;
  }
  return best;
}

double block_error(std::span<const float> values, const LinearBlock& block,
                   const LinearWords& words, Instructions instructions) {
  return uses_avx2(instructions) ? error_of_avx2(values, block, range_of(words))
                                 : error_of_lanes(values, block, range_of(words));
}

void put_codes(std::span<const float> values, const LinearBlock& block, const LinearWords& words,
               uint8_t* codes, Instructions instructions) {
  const auto mask = static_cast<int>((1u << words.bits) - 1);
  if (uses_avx2(instructions))
    put_avx2(values, block, range_of(words), mask, codes);
  else
    put_lanes(values, block, range_of(words), mask, codes);
}

Compensation::Rounded rounded_value(float value, const LinearBlock& block,
                                    const LinearWords& words) {
  const auto offset = static_cast<float>(block.offset);
  const float code = code_of(value, 1 / block.scale, offset, range_of(words));
  const auto mask = static_cast<int>((1u << words.bits) - 1);
  return {(code - offset) * block.scale, static_cast<uint8_t>(static_cast<int>(code) & mask)};
}

LinearCodes linear_codes(const Matrix& matrix, const LinearBlocks& blocks, const LinearWords& words,
                         int threads) {
  LinearCodes result;
  const auto count = matrix.values().size();
  result.codes.resize(count);
  result.scales.resize(static_cast<size_t>(blocks.rows * blocks.per_row));
  result.offsets.resize(result.scales.size());
  const auto columns = static_cast<size_t>(matrix.columns());
  std::vector<double> errors(static_cast<size_t>(matrix.rows()));
  std::vector<double> sums(errors.size());
  std::optional<LinearBlock> whole;
  std::vector<float> all;
  const auto row_values = [&](int64_t row, std::span<float> out) {
    put_floats(matrix.of_rows(row, 1), out);
  };
  if (blocks.rows == 1 && matrix.rows() > 1) {
    all.resize(count);
    for_each_index(matrix.rows(), threads, [&](int64_t row) {
      row_values(row, std::span(all).subspan(static_cast<size_t>(row) * columns, columns));
    });
    whole = fit_all(all, matrix.columns(), words, threads);
    result.scales[0] = whole->scale;
    result.offsets[0] = static_cast<uint8_t>(whole->offset);
  }
  constexpr int64_t kRows = 16;
  for_each_range(matrix.rows(), kRows, threads, [&](int64_t begin, int64_t end) {
    std::vector<float> values(columns);
    for (int64_t row = begin; row < end; ++row) {
      row_values(row, values);
      const size_t length = whole ? columns : static_cast<size_t>(blocks.columns);
      uint8_t* codes = result.codes.data() + static_cast<size_t>(row) * columns;
      double& error = errors[static_cast<size_t>(row)];
      for (size_t at = 0; at < columns; at += length) {
        const auto part = std::span<const float>(values).subspan(at, length);
        const LinearBlock block = whole ? *whole : fit_block(part, words);
        put_codes(part, block, words, codes + at);
        error += whole ? block_error(part, block, words) : block.squared_error;
        if (whole) continue;
        const auto place = static_cast<size_t>(row * blocks.per_row) + at / length;
        result.scales[place] = block.scale;
        result.offsets[place] = static_cast<uint8_t>(block.offset);
      }
      sums[static_cast<size_t>(row)] = squared_sum_of(values);
    }
  });
  for (size_t row = 0; row < errors.size(); ++row) {
    result.squared_error += errors[row];
    result.squared_sum += sums[row];
  }
  return result;
}

}  // namespace anemone::compress
