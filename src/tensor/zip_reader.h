#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "anemone/result.h"

namespace anemone {

/// One member as the central directory describes it.
struct ZipMember {
  std::string name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0;
  uint64_t size_bytes = 0;
  uint64_t header_offset = 0;
};

/// The members of a zip archive, ZIP64 included. Only the central directory is believed: data
/// descriptors may follow the members. Members that together claim more packed bytes than the file
/// has are refused, so what a hostile archive can unpack to stays below ~1032 times its size.
/// Errors: corrupt.
Result<std::vector<ZipMember>> read_zip_directory(std::span<const std::byte> archive);

/// The contents of a member: a part of `archive` when it is stored, else inflated into `buffer`.
/// Errors: corrupt (header, size, checksum), unsupported (encryption, other methods).
Result<std::span<const std::byte>> read_zip_member(std::span<const std::byte> archive,
                                                   const ZipMember& member,
                                                   std::vector<std::byte>& buffer);

}  // namespace anemone
