#pragma once

#include <vector>

#include "mil/ops/axes.h"

/// Affine quantization: a scale and a zero point for a whole tensor, or one for each index of an
/// axis.
namespace anemone::mil {

/// Whether `values` is a scalar, or a vector as long as axis `axis` of `shape`.
inline bool fits_axis(const Shape& values, const Shape& shape, size_t axis) {
  if (values.rank() == 0) return true;
  return values.rank() == 1 && (values[0] == shape[axis] || shape[axis] == kUnknownDim);
}

/// Reads such a constant for the elements of a tensor of `shape`.
class AlongAxis {
 public:
  /// Without `values` every number is `absent`.
  AlongAxis(const Tensor* values, const Shape& shape, size_t axis, double absent)
      : numbers_{absent} {
    if (values == nullptr) return;
    numbers_.clear();
    for (int64_t i = 0; i < values->element_count(); ++i) numbers_.push_back(values->at(i));
    if (values->shape().rank() > 0) stride_ = shape.stride(axis);
  }
  /// The number for element `index`.
  double operator()(int64_t index) const {
    return numbers_[static_cast<size_t>(index / stride_) % numbers_.size()];
  }

 private:
  std::vector<double> numbers_;
  int64_t stride_ = 1;
};

/// The axis parameter of quantize and dequantize, 0 where the scale is a scalar.
inline size_t quantization_axis(const Operands& in, size_t input, size_t axis) {
  return axis_from_front(in.integer(axis, 0), in.shape(input).rank()).value_or(0);
}

/// Constraints of quantize and dequantize: c1 scale and zero_point are scalars without an axis, or
/// vectors with one; c2 axis is one of input's; c3 the vectors are as long as that axis.
std::optional<Violation> check_quantization(const Operands& in, size_t input, size_t scale,
                                            size_t zero_point, size_t axis);

}  // namespace anemone::mil
