#pragma once

#include <cstdint>

namespace anemone {

/// Bytes of main memory of this machine; 2^63 - 1 where the system does not say.
uint64_t physical_memory_bytes();

}  // namespace anemone
