#include <cstddef>
#include <cstdint>
#include <string_view>

#include "package/anemll_meta.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read =
      anemone::package::parse_anemll_meta({reinterpret_cast<const char*>(data), size});
  if (read.ok() && read->num_chunks < 0) __builtin_trap();
  return 0;
}
