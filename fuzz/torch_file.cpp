#include "checkpoint/torch_file.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "checkpoint/pickle.h"

/// The input as a pickle and as an archive: what is accepted can be read, to the last element.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone;
  const auto owner = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto bytes = std::as_bytes(std::span(*owner));
  if (const auto pickle = checkpoint::parse_pickle(bytes);
      pickle.ok() && (pickle->size_bytes > size || pickle->root >= pickle->values.size()))
    __builtin_trap();
  const auto source = checkpoint::parse_torch_file(bytes, owner);
  if (!source.ok()) return 0;
  for (const auto& info : (*source)->tensors()) {
    const auto tensor = (*source)->read(info.name);  // a checksum may be wrong
    if (tensor.ok() && tensor->element_count() > 0) (void)tensor->at(tensor->element_count() - 1);
  }
  return 0;
}
