#include "mil/ops/palette.h"

#include <algorithm>

#include "mil/ops/inference.h"

namespace anemone::mil {

std::optional<Violation> check_palette(const Operands& in, const Shape& indices, DType index_dtype,
                                       size_t lut, size_t vector_axis) {
  const Shape& table = in.shape(lut);
  const size_t rank = indices.rank();
  if (rank < 1 || table.rank() != rank + 2)
    return violates("c4", "lut has rank {} and the indices {}, expected 2 more than 1 or more",
                    table.rank(), rank);
  for (size_t axis = 0; axis < rank; ++axis)
    if (table[axis] < 1 || indices[axis] % table[axis] != 0)
      return violates("c5", "lut {} does not divide the indices {} into groups", table.to_string(),
                      indices.to_string());
  if (table[rank] != int64_t{1} << bit_width(index_dtype))
    return violates("c6", "lut has {} entries and the indices are {}, expected {}", table[rank],
                    to_string(index_dtype), int64_t{1} << bit_width(index_dtype));
  const int64_t axis = in.integer(vector_axis, -1);
  if (!axis_from_front(axis, rank))
    return violates("c7", "vector_axis {} is outside the {} axes of the indices", axis, rank);
  if (table[rank + 1] < 1 || (table[rank + 1] > 1 && !in.has(vector_axis)))
    return violates("c7", "lut holds vectors of {} elements, which need a vector_axis",
                    table[rank + 1]);
  return std::nullopt;
}

Shape unpacked_shape(const Operands& in, const Shape& indices, size_t lut, size_t vector_axis) {
  const Shape& table = in.shape(lut);
  const size_t axis = *axis_from_front(in.integer(vector_axis, -1), indices.rank());
  Shape shape = indices;
  shape[axis] = multiply_dims(shape[axis], table[table.rank() - 1]);
  return shape;
}

PaletteWalk::PaletteWalk(const Operands& in, const Shape& indices, size_t lut, size_t vector_axis)
    : indices_(indices),
      groups_(in.shape(lut).dims().first(indices.rank())),
      unpacked_(unpacked_shape(in, indices, lut, vector_axis)),
      vector_axis_(*axis_from_front(in.integer(vector_axis, -1), indices.rank())),
      vector_in_row_(vector_axis_ == indices.rank() - 1),
      entries_(in.shape(lut)[indices.rank()]),
      vector_(in.shape(lut)[indices.rank() + 1]),
      group_length_(
          std::max<int64_t>(1, indices[indices.rank() - 1] / groups_[indices.rank() - 1])) {
  enter_row();
}

void PaletteWalk::next() {
  if (++column_ < unpacked_[unpacked_.rank() - 1]) return;
  column_ = 0;
  ++row_;
  enter_row();
}

void PaletteWalk::enter_row() {
  const size_t last = indices_.rank() - 1;
  row_in_indices_ = 0;
  row_in_groups_ = 0;
  const int64_t first_element = row_ * unpacked_[last];
  for (size_t axis = 0; axis < last; ++axis) {
    if (unpacked_[axis] == 0) return;
    int64_t at = first_element / unpacked_.stride(axis) % unpacked_[axis];
    if (axis == vector_axis_) {
      place_in_vector_ = at % vector_;
      at /= vector_;
    }
    row_in_indices_ = row_in_indices_ * indices_[axis] + at;
    row_in_groups_ = row_in_groups_ * groups_[axis] + at / (indices_[axis] / groups_[axis]);
  }
  row_in_indices_ *= indices_[last];
  row_in_groups_ *= groups_[last];
}

}  // namespace anemone::mil
