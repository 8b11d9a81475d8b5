#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "anemone/result.h"
#include "anemone/tensor.h"

namespace anemone::package {

/// Of records and data in bytes; the header and each record take as much.
inline constexpr uint64_t kWeightAlignment = 64;
inline constexpr uint32_t kWeightVersion = 2;
inline constexpr uint32_t kBlobSentinel = 0xdeadbeef;

/// A weight file (MILBlob storage, version 2), little-endian:
///   64 bytes   u32 number of blobs, u32 version 2, zeros
///   per blob, at a multiple of 64:
///   64 bytes   u32 0xdeadbeef, u32 type, u64 size in bytes, u64 offset of the data, u64 unused
///   bits
///              at the end of the data (sub-byte types), zeros
///   data       at a multiple of 64
/// A program refers to a blob by the offset of its record. Blobs know no shape.
struct BlobRecord {
  uint64_t offset_bytes = 0;  ///< of this record.
  DType dtype = DType::fp16;
  uint64_t data_offset_bytes = 0;
  uint64_t size_bytes = 0;
  uint64_t padding_bits = 0;
};

/// Checks the header. Errors: corrupt, unsupported (other versions).
Status check_weight_header(std::span<const std::byte> file);

/// The record at `offset_bytes`, checked against the file. Errors: corrupt.
Result<BlobRecord> read_blob_record(std::span<const std::byte> file, uint64_t offset_bytes);

/// Calls `found` with every record in file order. Errors: corrupt.
Status for_each_blob(std::span<const std::byte> file,
                     const std::function<void(const BlobRecord&)>& found);

/// The tensor whose record lies at `offset_bytes`, a view of `file`, which `owner` keeps alive.
/// Errors: corrupt (record), mismatch (dtype or size is not that of the program).
Result<Tensor> read_blob(std::span<const std::byte> file, std::shared_ptr<const void> owner,
                         uint64_t offset_bytes, DType dtype, const Shape& shape);

}  // namespace anemone::package
