#include "tensor/npz.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/npy.h"

/// What is read as an array must be an array that can be written, and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)anemone::parse_npz(bytes).ok();
  const auto array = anemone::parse_npy(bytes);
  if (!array.ok() || array->dtype() == anemone::DType::string) return 0;
  const auto parts = anemone::npy_parts(*array);
  if (!parts.ok()) __builtin_trap();
  std::string whole = parts->header;
  whole.append(reinterpret_cast<const char*>(array->bytes().data()), array->bytes().size());
  const auto again = anemone::parse_npy(std::as_bytes(std::span(whole)));
  if (!again.ok() || again->shape() != array->shape()) __builtin_trap();
  return 0;
}
