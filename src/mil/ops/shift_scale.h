#pragma once

#include "mil/op.h"

/// Blockwise affine quantization of iOS18: scale * (data - offset), where every axis of scale and
/// offset divides that of the data into blocks.
namespace anemone::mil {

/// Constraints: c1 data and scale have one rank, 1 or more; c2 the axes of scale divide those of
/// data; c3 offset has the shape of scale; c4 its dtype is a float or that of the data.
std::optional<Violation> check_shift_scale(const Operands& in, const Shape& data, DType data_dtype,
                                           size_t scale, size_t offset);

/// Computes elements of data of a shape. Each operation is rounded to scale's dtype, or to fp32
/// where the offset is fp32; the result to scale's dtype.
class ShiftScale {
 public:
  ShiftScale(const Operands& in, const Shape& data, size_t scale, size_t offset);

  /// Element `position` of the shape with the stored value `value`. Cheapest in row-major order.
  double operator()(int64_t position, double value);

 private:
  void enter_row(int64_t row);

  Shape data_;
  Shape blocks_;
  const Tensor& scale_;
  const Tensor* offset_;
  DType scale_dtype_;
  DType work_dtype_;
  int64_t row_ = -1;
  int64_t row_in_blocks_ = 0;
};

}  // namespace anemone::mil
