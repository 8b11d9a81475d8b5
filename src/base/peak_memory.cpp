#include "base/peak_memory.h"

#include <sys/resource.h>

namespace anemone {

uint64_t peak_memory_bytes() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss <= 0) return 0;
#ifdef __APPLE__
  constexpr uint64_t kUnit = 1;
#else
  constexpr uint64_t kUnit = 1024;
#endif
  return static_cast<uint64_t>(usage.ru_maxrss) * kUnit;
}

}  // namespace anemone
