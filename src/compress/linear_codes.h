#pragma once

#include "compress/compensation.h"
#include "compress/matrix.h"

/// What the schemes with scaled integers share.
namespace anemone::compress {

/// How scaled integers are spelt: "int4", then in any order "channel", "tensor" or "b32", "affine".
struct LinearWords {
  int bits = 8;
  int64_t block = 0;    ///< input channels with one scale; 0: all of them; -1: one scale in all.
  bool affine = false;  ///< with an offset, unsigned; else symmetric and signed.

  std::string text() const;
  DType stored() const;
};
/// Nothing when the term is none. Errors: invalid_argument.
Result<std::optional<LinearWords>> parse_linear(const std::vector<std::string>& words);

/// Errors: unsupported, before iOS18, which blocks and 4 bits need, and before iOS16.
Status check_linear_target(const Weight& weight, const LinearWords& words);

/// How scales divide a matrix: `rows` times `per_row` of them, each for `columns` columns.
struct LinearBlocks {
  int64_t rows = 1;
  int64_t per_row = 1;
  int64_t columns = 1;
  Shape scale_shape;  ///< with the axes of the weight.
};
LinearBlocks linear_blocks(const Weight& weight, const LinearWords& words);

struct LinearCodes {
  std::vector<uint8_t> codes;    ///< two's complement in the low bits where they are signed.
  std::vector<float> scales;     ///< fp16 numbers, row by row.
  std::vector<uint8_t> offsets;  ///< all 0 when symmetric.
  double squared_error = 0;
  double squared_sum = 0;
};
/// Codes are rounded in fp32 over scales that fp16 holds. Of the scales that take the largest
/// magnitude to the end of the range or some percent beyond it, each block has the one with the
/// least squared error.
LinearCodes linear_codes(const Matrix& matrix, const LinearBlocks& blocks, const LinearWords& words,
                         int threads);

/// The scale and offset of one block, and the codes of its values.
struct LinearBlock {
  float scale = 1;
  int offset = 0;
  double squared_error = 0;
};
/// `costs`: of a squared error, by element; empty: all alike.
LinearBlock fit_block(std::span<const float> values, const LinearWords& words,
                      std::span<const float> costs = {});
/// What values are rounded with: the best that the machine has, or what every machine has. Both
/// give the same bits; the loops have no other form, thus they are no kernels of a family.
enum class Instructions : uint8_t { best, portable };
void put_codes(std::span<const float> values, const LinearBlock& block, const LinearWords& words,
               uint8_t* codes, Instructions instructions = Instructions::best);
/// The squared error of the values so rounded.
double block_error(std::span<const float> values, const LinearBlock& block,
                   const LinearWords& words, Instructions instructions = Instructions::best);

/// The code of one value, and what it stands for.
Compensation::Rounded rounded_value(float value, const LinearBlock& block,
                                    const LinearWords& words);

struct CompensatedCodes {
  LinearCodes codes;
  double output_error = 0;  ///< sums over rows of e H eT and w H wT.
  double output_sum = 0;
};
/// Scales are searched as by linear_codes, with what errors cost; codes are rounded with
/// compensation.
CompensatedCodes compensated_codes(const Matrix& matrix, const LinearBlocks& blocks,
                                   const LinearWords& words, const Compensation& inputs,
                                   int threads);

}  // namespace anemone::compress
