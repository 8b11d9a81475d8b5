#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "anemone/tensor.h"

namespace anemone::mil {

/// Where the elements of a block lie in a flattened tensor: element (i0, i1, …) at
/// offset + i0 * strides[0] + i1 * strides[1] + …
struct Layout {
  int64_t offset = 0;
  std::array<int64_t, Shape::kMaxRank> strides{};

  /// Row-major, from the first element on.
  static Layout dense(const Shape& shape);
};

/// Copies a block of elements between tensors, converting where their dtypes differ. Every address
/// of both layouts must lie inside its tensor; the tensors must not overlap. Contiguous runs are
/// copied as bytes.
void copy_block(const Shape& block, const Tensor& source, const Layout& from, Tensor& target,
                const Layout& to);

/// Copies `count` elements that lie side by side.
void copy_run(const Tensor& source, int64_t from, Tensor& target, int64_t to, int64_t count);

/// Copies `source`, seen with `shape`, into `target` with its axes in the order `permutation`; the
/// shape of `target` may group the permuted axes differently.
void copy_permuted(const Tensor& source, const Shape& shape, std::span<const size_t> permutation,
                   Tensor& target);

/// Copies all elements of `source` in row-major order to the start of `target`, whose shape may
/// differ.
void copy_all(const Tensor& source, Tensor& target);

}  // namespace anemone::mil
