#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "anemone/result.h"
#include "anemone/tensor.h"

namespace anemone {

/// The array in the bytes of a `.npy` file (format 1.0, 2.0 or 3.0). The declared shape is held
/// against the bytes before anything is allocated. Errors: corrupt, unsupported.
Result<Tensor> parse_npy(std::span<const std::byte> bytes);

/// The bytes that make `tensor` a `.npy` file, as NumPy writes them: the header, and the data when
/// they differ from `tensor.bytes()` (text), else empty `data`.
struct NpyParts {
  std::string header;
  std::string data;
};
/// Errors: unsupported (dtypes that NumPy lacks), invalid_argument (text that is not UTF-8).
Result<NpyParts> npy_parts(const Tensor& tensor);

}  // namespace anemone
