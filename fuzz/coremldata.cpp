#include <cstddef>
#include <cstdint>
#include <span>

#include "package/compiled_description.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read =
      anemone::package::read_compiled_description(std::as_bytes(std::span(data, size)));
  if (!read.ok() && read.error().message.empty()) __builtin_trap();
  return 0;
}
