#pragma once

#include <cstdint>

namespace anemone {

/// Bytes of main memory that this process held at most since it began; 0 where the system does not
/// say.
uint64_t peak_memory_bytes();

}  // namespace anemone
