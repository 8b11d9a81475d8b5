#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "anemone/tensor.h"

namespace anemone {

/// How many elements are no finite numbers.
struct NotFinite {
  uint64_t nan = 0;
  uint64_t infinite = 0;        ///< of either sign.
  uint64_t minus_infinite = 0;  ///< of them.
  void add(const NotFinite& other) {
    nan += other.nan;
    infinite += other.infinite;
    minus_infinite += other.minus_infinite;
  }
};

/// Of whole elements of fp16, bf16, fp32 or fp64, little-endian; other types hold none. Reads as
/// fast as memory gives where all are finite.
NotFinite find_not_finite(DType dtype, std::span<const std::byte> elements);

}  // namespace anemone
