#pragma once

#include "mil/op.h"

/// Palettes of iOS18: tables of shape [groups of each axis of the indices…, entries, vector].
namespace anemone::mil {

/// Constraints: c4 the table has two axes more than the indices; c5 the groups divide the axes of
/// the indices; c6 the table holds as many entries as `index_dtype` can count; c7 vector_axis is
/// an axis of the indices, and given for vectors of more than one element.
std::optional<Violation> check_palette(const Operands& in, const Shape& indices, DType index_dtype,
                                       size_t lut, size_t vector_axis);

/// `indices` with the vector axis times the vector's length.
Shape unpacked_shape(const Operands& in, const Shape& indices, size_t lut, size_t vector_axis);

/// Walks the elements of an unpacked tensor in row-major order and tells where they come from.
class PaletteWalk {
 public:
  PaletteWalk(const Operands& in, const Shape& indices, size_t lut, size_t vector_axis);

  /// The flat position of this element's index.
  int64_t index_position() const { return row_in_indices_ + column_in_indices(); }
  /// The flat position in the table of this element, when its index has the value `index`.
  int64_t table_position(int64_t index) const {
    const int64_t group = row_in_groups_ + column_in_indices() / group_length_;
    const int64_t place = vector_in_row_ ? column_ % vector_ : place_in_vector_;
    return (group * entries_ + index) * vector_ + place;
  }
  void next();

 private:
  int64_t column_in_indices() const { return vector_in_row_ ? column_ / vector_ : column_; }
  void enter_row();

  Shape indices_;
  Shape groups_;
  Shape unpacked_;
  size_t vector_axis_;
  bool vector_in_row_;  ///< vectors run along the last axis.
  int64_t entries_;
  int64_t vector_;
  int64_t group_length_;  ///< indices along the last axis that share a table.

  int64_t row_ = 0;
  int64_t column_ = 0;
  int64_t row_in_indices_ = 0;
  int64_t row_in_groups_ = 0;
  int64_t place_in_vector_ = 0;
};

}  // namespace anemone::mil
