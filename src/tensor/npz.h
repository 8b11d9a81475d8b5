#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "anemone/npz.h"

namespace anemone {

/// `read_npz` of an archive in memory.
Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> archive);

}  // namespace anemone
