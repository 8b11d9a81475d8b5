#include "mil/ops/shift_scale.h"

#include "mil/ops/rounding.h"

namespace anemone::mil {

std::optional<Violation> check_shift_scale(const Operands& in, const Shape& data, DType data_dtype,
                                           size_t scale, size_t offset) {
  const Shape& blocks = in.shape(scale);
  if (data.rank() < 1 || blocks.rank() != data.rank())
    return violates("c1", "the data has rank {} and scale {}, expected one, 1 or more", data.rank(),
                    blocks.rank());
  for (size_t axis = 0; axis < data.rank(); ++axis)
    if (blocks[axis] < 1 || data[axis] % blocks[axis] != 0)
      return violates("c2", "scale {} does not divide the data {} into blocks", blocks.to_string(),
                      data.to_string());
  if (!in.has(offset)) return std::nullopt;
  if (in.shape(offset) != blocks)
    return violates("c3", "offset is {} and scale {}, expected one shape",
                    in.shape(offset).to_string(), blocks.to_string());
  if (!is_float(in.dtype(offset)) && in.dtype(offset) != data_dtype)
    return violates("c4", "offset is {} and the data {}", to_string(in.dtype(offset)),
                    to_string(data_dtype));
  return std::nullopt;
}

ShiftScale::ShiftScale(const Operands& in, const Shape& data, size_t scale, size_t offset)
    : data_(data),
      blocks_(in.shape(scale)),
      scale_(*in.value(scale)),
      offset_(in.value(offset)),
      scale_dtype_(in.dtype(scale)),
      work_dtype_(in.has(offset) && in.dtype(offset) == DType::fp32 ? DType::fp32 : scale_dtype_) {}

double ShiftScale::operator()(int64_t position, double value) {
  const size_t last = data_.rank() - 1;
  const int64_t row = position / data_[last];
  if (row != row_) enter_row(row);
  const int64_t block_length = data_[last] / blocks_[last];
  const int64_t block = row_in_blocks_ + position % data_[last] / block_length;
  double shifted = round_to(scale_dtype_, value);
  if (offset_ != nullptr) shifted = round_to(work_dtype_, shifted - offset_->at(block));
  return round_to(scale_dtype_, round_to(work_dtype_, scale_.at(block) * shifted));
}

void ShiftScale::enter_row(int64_t row) {
  const size_t last = data_.rank() - 1;
  const int64_t first_element = row * data_[last];
  row_ = row;
  row_in_blocks_ = 0;
  for (size_t axis = 0; axis < last; ++axis) {
    const int64_t at = first_element / data_.stride(axis) % data_[axis];
    row_in_blocks_ = row_in_blocks_ * blocks_[axis] + at / (data_[axis] / blocks_[axis]);
  }
  row_in_blocks_ *= blocks_[last];
}

}  // namespace anemone::mil
