#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "anemone/result.h"
#include "anemone/tensor.h"

namespace anemone {

/// Reads every array of a NumPy `.npz` archive (stored or deflated members; little-endian; C or
/// Fortran order; bool, integers, float16/32/64, text `U`/`S`). Names come without ".npy"; 64-bit
/// integers keep their type. Errors: io, corrupt (member and what is wrong), unsupported (objects,
/// other dtypes).
Result<std::vector<NamedTensor>> read_npz(const std::filesystem::path& path);

/// Writes arrays as NumPy would (`np.savez`, stored). The file appears whole or not at all; equal
/// input gives equal bytes.
Status write_npz(const std::filesystem::path& path, std::span<const NamedTensor> arrays);

}  // namespace anemone
