#pragma once

#include <cstdint>

#include "base/error.h"
#include "mil/op.h"

namespace anemone::mil {

/// How gather and scatter read run-time indices. Before iOS 17 a negative index counts from the far
/// end; from iOS 17 on it is outside. Other indices outside the axis are errors with
/// `validate_indices`; without it Core ML leaves the result undefined, and here a negative index
/// then still counts from the far end and anything else selects nothing: it reads as zero and
/// writes nowhere.
class IndexRules {
 public:
  static constexpr int64_t kNowhere = -1;

  IndexRules(const Operands& in, size_t validate_indices)
      : validate_(in.boolean(validate_indices, false)), negative_(in.opset() < 17 || !validate_) {}

  /// The position that `index` means on an axis of `length` elements, or kNowhere.
  Result<int64_t> position(int64_t index, int64_t length) const {
    const int64_t position = index < 0 && negative_ ? index + length : index;
    if (position >= 0 && position < length) return position;
    if (!validate_) return kNowhere;
    return fail(ErrorCode::out_of_range, "index {} is outside its axis of length {}", index,
                length);
  }

 private:
  bool validate_;
  bool negative_;
};

}  // namespace anemone::mil
