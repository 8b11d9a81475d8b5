#include "package/weight_file.h"

#include <optional>

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "package/type_numbers.h"

namespace anemone::package {
namespace {

using Bytes = std::span<const std::byte>;

}  // namespace

Status check_weight_header(Bytes file) {
  if (file.size() < kWeightAlignment)
    return fail(ErrorCode::corrupt, "byte 0: {} bytes, expected a header of {}", file.size(),
                kWeightAlignment);
  const uint32_t version = *load_at<uint32_t>(file, 4);
  if (version != kWeightVersion)
    return fail(version == 1 ? ErrorCode::unsupported : ErrorCode::corrupt,
                "byte 4: storage version {}, expected {}", version, kWeightVersion);
  return {};
}

Result<BlobRecord> read_blob_record(Bytes file, uint64_t offset_bytes) {
  const auto wrong = [&]<typename... Args>(fmt::format_string<Args...> format, Args&&... args) {
    return fail(ErrorCode::corrupt, "blob at {}: {}", offset_bytes,
                fmt::format(format, std::forward<Args>(args)...));
  };
  if (offset_bytes % kWeightAlignment != 0 || offset_bytes == 0)
    return wrong("its offset is no positive multiple of {}", kWeightAlignment);
  const auto bytes = slice_at(file, offset_bytes, kWeightAlignment);
  if (!bytes) return wrong("its record ends outside of the file of {} bytes", file.size());
  const uint32_t sentinel = *load_at<uint32_t>(*bytes, 0);
  if (sentinel != kBlobSentinel)
    return wrong("starts with {:#x}, expected {:#x}", sentinel, kBlobSentinel);
  const uint32_t number = *load_at<uint32_t>(*bytes, 4);
  const auto type = blob_dtype(number);
  if (!type) return wrong("type {}, expected 1 to 17", number);

  const BlobRecord record{offset_bytes, *type, *load_at<uint64_t>(*bytes, 16),
                          *load_at<uint64_t>(*bytes, 8), *load_at<uint64_t>(*bytes, 24)};
  if (record.data_offset_bytes % kWeightAlignment != 0 || record.data_offset_bytes == 0)
    return wrong("data at {}, which is no positive multiple of {}", record.data_offset_bytes,
                 kWeightAlignment);
  if (!slice_at(file, record.data_offset_bytes, record.size_bytes))
    return wrong("{} bytes of data at {}, but the file has {} bytes", record.size_bytes,
                 record.data_offset_bytes, file.size());
  if (is_sub_byte(record.dtype)) {
    const auto bits = static_cast<uint64_t>(bit_width(record.dtype));
    // A size above 2^61 cannot pass the check against the file, so the product holds.
    if (record.padding_bits >= 8 || record.padding_bits > record.size_bytes * 8 ||
        (record.size_bytes * 8 - record.padding_bits) % bits != 0)
      return wrong("{} bytes less {} bits are no whole number of {}", record.size_bytes,
                   record.padding_bits, to_string(record.dtype));
  }
  return record;
}

Status for_each_blob(Bytes file, const std::function<void(const BlobRecord&)>& found) {
  ANEMONE_RETURN_IF_ERROR(check_weight_header(file));
  const uint32_t count = *load_at<uint32_t>(file, 0);
  uint64_t offset = kWeightAlignment;
  for (uint32_t i = 0; i < count; ++i) {
    auto record = read_blob_record(file, offset);
    if (!record.ok())
      return std::move(record).in(fmt::format("blob {} of {}", i + 1, count)).error();
    const uint64_t end = record->data_offset_bytes + record->size_bytes;
    if (end <= offset)
      return fail(ErrorCode::corrupt, "blob at {}: its data at {} lie before it", offset,
                  record->data_offset_bytes);
    found(*record);
    offset = (end + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
  }
  return {};
}

Result<Tensor> read_blob(Bytes file, std::shared_ptr<const void> owner, uint64_t offset_bytes,
                         DType dtype, const Shape& shape) {
  ANEMONE_TRY(const BlobRecord record, read_blob_record(file, offset_bytes));
  if (record.dtype != dtype)
    return fail(ErrorCode::mismatch, "blob at {}: type {}, the program expects {}", offset_bytes,
                to_string(record.dtype), to_string(dtype));
  const auto count = checked_element_count(shape.dims());
  const auto size = count ? checked_byte_count(dtype, *count) : std::nullopt;
  const auto found_bits = record.size_bytes * 8 - (is_sub_byte(dtype) ? record.padding_bits : 0);
  if (!size ||
      found_bits != static_cast<uint64_t>(*count) * static_cast<uint64_t>(bit_width(dtype)))
    return fail(ErrorCode::mismatch, "blob at {}: {} bytes, expected {} for {} {}", offset_bytes,
                record.size_bytes, size ? std::to_string(*size) : "more than memory",
                to_string(dtype), shape.to_string());
  return Tensor::view(dtype, shape, *slice_at(file, record.data_offset_bytes, record.size_bytes),
                      std::move(owner));
}

}  // namespace anemone::package
