#pragma once

#include <array>
#include <variant>

#include "mil/op.h"
#include "mil/ops/block_copy.h"

namespace anemone::mil {

/// What a slice takes of one axis.
struct SliceAxis {
  int64_t begin = 0;
  int64_t stride = 1;
  int64_t count = kUnknownDim;  ///< kUnknownDim while bounds or the axis are not known.
  bool squeeze = false;         ///< a single index: the result has no such axis.
};

/// The part of a tensor that begin, end, stride and the masks choose.
struct Slice {
  std::array<SliceAxis, Shape::kMaxRank> axes;
  size_t rank = 0;

  Shape shape() const;  ///< of the result, squeezed axes left out.
  Shape block() const;  ///< the same with squeezed axes of length 1.
  /// Where the block lies in the sliced tensor. All counts must be known.
  Layout layout(const Shape& x) const;
};

/// The places of a slice's parameters in a parameter table.
struct SliceParameters {
  size_t begin, end, stride, begin_mask, end_mask, squeeze_mask;
};

/// Bounds count from the far end when negative and are clamped to the axis. Constraints c1 to c4:
/// one entry per axis in begin, end, stride and masks; c5: strides are not 0; c6: no end before its
/// begin; c7: the index of a squeezed axis lies inside it. Allocates only to report a violation.
std::variant<Slice, Violation> resolve_slice(const Operands& in, const Shape& x,
                                             const SliceParameters& parameters);

}  // namespace anemone::mil
