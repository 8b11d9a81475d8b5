#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/tensor.h"
#include "compress/scheme.h"

namespace anemone::compress {

/// A weight as fp16 bits, row-major, one row for each output channel. Borrows where it can.
class Matrix {
 public:
  Matrix(const Weight& weight, const Tensor& values);
  Matrix(std::vector<uint16_t> values, int64_t rows, int64_t columns)
      : own_(std::move(values)), values_(own_), rows_(rows), columns_(columns) {}
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  std::span<const uint16_t> values() const { return values_; }
  std::span<const uint16_t> of_rows(int64_t first, int64_t count) const {
    return values_.subspan(static_cast<size_t>(first * columns_),
                           static_cast<size_t>(count * columns_));
  }

 private:
  Tensor source_;
  std::vector<uint16_t> own_;
  std::span<const uint16_t> values_;
  int64_t rows_;
  int64_t columns_;
};

/// Codes of a matrix, a byte each, row by row, as a packed tensor in the order of the weight. Codes
/// have no bits above those of the dtype. `shape` has the weight's axes.
Tensor packed_codes(const Weight& weight, std::vector<uint8_t> codes, DType dtype,
                    const Shape& shape, int threads);

/// Elements or codes of a matrix, row by row, in the order of the weight.
std::vector<uint8_t> in_stored_order(const Weight& weight, std::vector<uint8_t> of_rows);
std::vector<float> scales_in_stored_order(const Weight& weight, const Shape& scale_shape,
                                          std::vector<float> of_rows);

/// The same bytes as another type of their size.
Tensor as_type(const Tensor& tensor, const mil::TensorType& type);

/// The constant `shape` of the operations of iOS16.
mil::Value shape_value(const Shape& shape);

/// The same for codes that are in their order already.
Tensor packed(const std::vector<uint8_t>& codes, DType dtype, const Shape& shape, int threads);

/// `shape` of rank `rank` with ones, but for `rows` along the output axis.
Shape along_rows(const Weight& weight, int64_t rows);

/// Numbers in the dtype of the weight.
Tensor floats(DType dtype, const Shape& shape, std::span<const float> values);

inline constexpr float kLargestFp16 = 65504;

/// `scale` as an fp16 number above 0, of which `most` times is one as well.
float fp16_scale(float scale, float most);

/// The largest divisor of `whole` that is at most `most` and a multiple of `step`; 0: none.
int64_t divisor(int64_t whole, int64_t most, int64_t step = 1);

}  // namespace anemone::compress
