#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "ane/chip.h"
#include "anemone/result.h"

namespace anemone::converter {

inline constexpr uint64_t kMostChunkBytes = ane::kMostProgramBytes;
inline constexpr uint64_t kMostChunkBytesOnMacs = ane::kMostProgramBytesOnMacs;

/// The weight limit of a program on a chip ("a17pro", "m4max"); empty: on all.
/// Errors: invalid_argument (no chip is called so).
Result<uint64_t> chunk_limit(std::string_view chip);

/// Bytes of a chunk that holds pieces [first, last).
using ChunkBytes = std::function<uint64_t(size_t first, size_t last)>;

/// Divides `pieces` pieces into consecutive chunks whose largest is as small as can be: into
/// `count`, or into as few as keep every chunk of several pieces at `limit` or below. Returns the
/// ends of the chunks. Errors: invalid_argument (a count below 1 or above the pieces).
Result<std::vector<size_t>> divide(size_t pieces, std::optional<int64_t> count, uint64_t limit,
                                   const ChunkBytes& bytes);

}  // namespace anemone::converter
