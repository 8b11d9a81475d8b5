#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "anemone/result.h"

namespace anemone::converter {

/// Above this, programs silently leave the Neural Engine (iPhone: 1 GB; ANEMLL's rule).
inline constexpr uint64_t kMostChunkBytes = 950'000'000;

/// Bytes of a chunk that holds pieces [first, last).
using ChunkBytes = std::function<uint64_t(size_t first, size_t last)>;

/// Divides `pieces` pieces into consecutive chunks whose largest is as small as can be: into
/// `count`, or into as few as keep every chunk of several pieces below `kMostChunkBytes`. Returns
/// the ends of the chunks. Errors: invalid_argument (a count below 1 or above the pieces).
Result<std::vector<size_t>> divide(size_t pieces, std::optional<int64_t> count,
                                   const ChunkBytes& bytes);

}  // namespace anemone::converter
