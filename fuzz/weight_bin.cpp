#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "package/weight_file.h"

/// Every blob that the file lists, and the one at an offset that the input chooses, can be viewed
/// as the number of elements that its size says, and the last element lies inside.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone;
  const auto owner = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto file = std::as_bytes(std::span(*owner));
  const auto view = [&](const package::BlobRecord& record) {
    const uint64_t bits = record.size_bytes * 8 - record.padding_bits % 8;
    const auto count = static_cast<int64_t>(bits / static_cast<uint64_t>(bit_width(record.dtype)));
    const auto tensor = package::read_blob(file, owner, record.offset_bytes, record.dtype, {count});
    if (tensor.ok() && count > 0) (void)tensor->at(count - 1);
  };
  (void)package::for_each_blob(file, view).ok();
  if (size < 8) return 0;
  uint64_t offset = 0;
  for (size_t i = 0; i < 8; ++i) offset |= uint64_t{data[size - 8 + i]} << (8 * i);
  const auto record = package::read_blob_record(file, offset);
  if (record.ok()) view(*record);
  return 0;
}
