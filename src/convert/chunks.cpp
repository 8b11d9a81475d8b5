#include "convert/chunks.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace anemone::converter {
namespace {

struct Cut {
  uint64_t largest = std::numeric_limits<uint64_t>::max();
  size_t begin = 0;  ///< of the last chunk.
};

/// cuts[n][end]: the best division of the pieces before `end` into n + 1 chunks.
using Cuts = std::vector<std::vector<Cut>>;

void add_chunk(Cuts& cuts, size_t pieces, const std::vector<std::vector<uint64_t>>& bytes) {
  std::vector<Cut> next(pieces + 1);
  for (size_t end = 1; end <= pieces; ++end) {
    if (cuts.empty()) {
      next[end] = {bytes[0][end], 0};
      continue;
    }
    for (size_t begin = 1; begin < end; ++begin) {
      const uint64_t largest = std::max(cuts.back()[begin].largest, bytes[begin][end]);
      if (largest < next[end].largest) next[end] = {largest, begin};
    }
  }
  cuts.push_back(std::move(next));
}

std::vector<size_t> ends_of(const Cuts& cuts, size_t pieces) {
  std::vector<size_t> ends;
  size_t end = pieces;
  for (size_t n = cuts.size(); n-- > 0;) {
    ends.insert(ends.begin(), end);
    end = cuts[n][end].begin;
  }
  return ends;
}

}  // namespace

Result<uint64_t> chunk_limit(std::string_view chip) {
  if (chip.empty()) return kMostChunkBytes;
  ANEMONE_TRY(const ane::Chip* found, ane::find_chip(chip));
  return found->device == ane::Device::mac ? kMostChunkBytesOnMacs : kMostChunkBytes;
}

Result<std::vector<size_t>> divide(size_t pieces, std::optional<int64_t> count, uint64_t limit,
                                   const ChunkBytes& bytes) {
  if (count && (*count < 1 || *count > static_cast<int64_t>(pieces)))
    return fail(ErrorCode::invalid_argument, "{} chunks, expected 1 to {}", *count, pieces);
  std::vector<std::vector<uint64_t>> sizes(pieces, std::vector<uint64_t>(pieces + 1));
  for (size_t begin = 0; begin < pieces; ++begin) {
    for (size_t end = begin + 1; end <= pieces; ++end) sizes[begin][end] = bytes(begin, end);
    limit = std::max(limit, sizes[begin][begin + 1]);
  }
  Cuts cuts;
  while (true) {
    add_chunk(cuts, pieces, sizes);
    const bool done =
        count ? cuts.size() == static_cast<size_t>(*count) : cuts.back()[pieces].largest <= limit;
    if (done) return ends_of(cuts, pieces);
  }
}

}  // namespace anemone::converter
