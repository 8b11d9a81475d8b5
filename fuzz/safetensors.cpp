#include "checkpoint/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

/// Every tensor of a file that is accepted can be read, and its last element lies inside.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone;
  const auto owner = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto source = checkpoint::parse_safetensors(std::as_bytes(std::span(*owner)), owner);
  if (!source.ok()) return 0;
  for (const auto& info : (*source)->tensors()) {
    const auto tensor = (*source)->read(info.name);
    if (!tensor.ok() || tensor->shape() != info.shape || tensor->dtype() != info.dtype)
      __builtin_trap();
    if (tensor->element_count() > 0) (void)tensor->at(tensor->element_count() - 1);
  }
  return 0;
}
