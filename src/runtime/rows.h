#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "anemone/tensor.h"

namespace anemone::runtime {

/// A tensor as outer × length × inner, where `length` is the product of the axes that an operation
/// works along. Row (o, i) has its elements `inner` apart.
struct Rows {
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;

  int64_t count() const { return outer * inner; }
};

/// The axes must be neighbours (single axes between them do not count); all axes when `axes` is
/// empty of value. Nothing when they are not, or an axis is out of range.
std::optional<Rows> rows_along(const Shape& shape, const std::optional<std::vector<int64_t>>& axes);

/// Copies a row between its place, where elements are `inner` apart, and one piece.
template <typename T>
void take_row(const T* tensor, const Rows& rows, int64_t row, T* to) {
  const T* first = tensor + row / rows.inner * rows.length * rows.inner + row % rows.inner;
  for (int64_t k = 0; k < rows.length; ++k) to[k] = first[k * rows.inner];
}
template <typename T>
void put_row(const T* from, const Rows& rows, int64_t row, T* tensor) {
  T* first = tensor + row / rows.inner * rows.length * rows.inner + row % rows.inner;
  for (int64_t k = 0; k < rows.length; ++k) first[k * rows.inner] = from[k];
}

}  // namespace anemone::runtime
