#pragma once

#include <array>
#include <memory>

#include "mil/op.h"
#include "runtime/binding.h"

namespace anemone::runtime {

/// Writes a `slice_update` of which only bounds depend on values, without strides and conversions.
class SliceWriter {
 public:
  /// Null where the operation needs more. `operands` have values where they are constants;
  /// `update` and `target` are the dtypes of the two tensors in memory.
  static std::unique_ptr<const SliceWriter> make(const mil::OpDef& op,
                                                 const mil::Operands& operands, DType update,
                                                 DType target);

  /// False, with nothing written, where the bounds do not fit. `rows`, if not null, learn what was.
  bool write(const mil::Operands& operands, Tensor& target, StateRows* rows) const;

 private:
  size_t update_ = 0;  ///< parameters.
  size_t begin_ = 0;
  size_t end_ = 0;
  std::array<bool, Shape::kMaxRank> from_first_{};  ///< by axis: begins at 0, whatever it says.
  std::array<bool, Shape::kMaxRank> to_last_{};
};

}  // namespace anemone::runtime
