#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "anemone/result.h"
#include "anemone/tensor.h"

namespace anemone::coreml {

/// An array of Core ML's: rows may be padded, so elements lie where the strides say.
template <typename Byte>
struct StridedArray {
  std::span<Byte> bytes;
  std::span<const int64_t> dims;
  std::span<const int64_t> strides;  ///< in elements.
};

/// Copies between a dense tensor and an array of the same dtype and as many elements, in row-major
/// order. Errors: mismatch (element counts; a negative stride; an element that would lie outside
/// the bytes).
Status copy_from(const StridedArray<const std::byte>& array, Tensor& tensor);
Status copy_to(const Tensor& tensor, const StridedArray<std::byte>& array);

}  // namespace anemone::coreml
