// MIL text: reads, verifies, and what was read prints to text that reads to the same program.

#include <cstdint>
#include <cstdlib>

#include "anemone/program.h"
#include "zero_weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = anemone::mil::parse(text, load_zeros);
  if (!program.ok()) return 0;
  anemone::mil::verify(*program);
  const std::string printed = anemone::mil::print(*program);
  const auto again = anemone::mil::parse(printed, load_zeros);
  if (!again.ok() || anemone::mil::print(*again) != printed) std::abort();
  return 0;
}
