#include "tensor/zip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "tensor/zip_format.h"

namespace anemone {
namespace {

using Bytes = std::span<const std::byte>;

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Directory {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
  uint64_t count = 0;
};

Result<Directory> find_directory(Bytes archive) {
  constexpr uint64_t kLongestComment = 0xffff;
  if (archive.size() < zip::kEndBytes)
    return fail(ErrorCode::corrupt, "no zip archive: {} bytes, expected at least {}",
                archive.size(), zip::kEndBytes);
  const uint64_t last = archive.size() - zip::kEndBytes;
  const uint64_t first = last - std::min(last, kLongestComment);
  uint64_t end = last;
  const auto ends_here = [&](uint64_t at) {
    return load_at<uint32_t>(archive, at) == zip::kEndSignature &&
           load_at<uint16_t>(archive, at + 20) == last - at;
  };
  while (end > first && !ends_here(end)) --end;
  if (!ends_here(end))
    return fail(ErrorCode::corrupt, "no zip archive: no end record in the last {} bytes",
                archive.size() - first);

  Directory directory{*load_at<uint32_t>(archive, end + 16), *load_at<uint32_t>(archive, end + 12),
                      *load_at<uint16_t>(archive, end + 10)};
  if (directory.offset != zip::kIn64 && directory.size_bytes != zip::kIn64 &&
      directory.count != zip::kCountIn64)
    return directory;
  if (end < zip::kLocator64Bytes ||
      load_at<uint32_t>(archive, end - zip::kLocator64Bytes) != zip::kLocator64Signature)
    return directory;
  const uint64_t end64 = *load_at<uint64_t>(archive, end - zip::kLocator64Bytes + 8);
  if (load_at<uint32_t>(archive, end64) != zip::kEnd64Signature ||
      !slice_at(archive, end64, zip::kEnd64Bytes))
    return fail(ErrorCode::corrupt, "no ZIP64 end record at offset {}", end64);
  return Directory{*load_at<uint64_t>(archive, end64 + 48), *load_at<uint64_t>(archive, end64 + 40),
                   *load_at<uint64_t>(archive, end64 + 32)};
}

/// Replaces the fields that say "see the 64-bit field" by those of the extra data.
Status apply_extra64(Bytes extra, ZipMember& member) {
  while (!extra.empty()) {
    const auto id = load_at<uint16_t>(extra, 0);
    const auto size = load_at<uint16_t>(extra, 2);
    const auto body = size ? slice_at(extra, 4, *size) : std::nullopt;
    if (!id || !body)
      return fail(ErrorCode::corrupt, "member '{}': extra data cut short", member.name);
    uint64_t position = 0;
    if (*id == zip::kExtra64)
      for (uint64_t* field : {&member.size_bytes, &member.packed_bytes, &member.header_offset}) {
        if (*field != zip::kIn64) continue;
        const auto value = load_at<uint64_t>(*body, position);
        if (!value)
          return fail(ErrorCode::corrupt, "member '{}': ZIP64 sizes cut short", member.name);
        *field = *value;
        position += sizeof(uint64_t);
      }
    extra = extra.subspan(4 + size_t{*size});
  }
  return {};
}

Status inflate_all(Bytes packed, const ZipMember& member, std::vector<std::byte>& buffer) {
  constexpr uint64_t kLargestRatio = 1032;  // of deflate: 258 bytes from 2 bits
  if (member.size_bytes / kLargestRatio > packed.size() + 1)
    return fail(ErrorCode::corrupt, "member '{}': {} bytes cannot come from {} packed ones",
                member.name, member.size_bytes, packed.size());
  buffer.resize(static_cast<size_t>(member.size_bytes));

  z_stream stream{};
  constexpr int kRawDeflate = -15;  // largest window, no zlib header
  if (inflateInit2(&stream, kRawDeflate) != Z_OK)
    return fail(ErrorCode::limit, "member '{}': no memory to inflate", member.name);
  constexpr size_t kStep = std::numeric_limits<uInt>::max();
  size_t read = 0;
  size_t written = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    const size_t in = std::min(packed.size() - read, kStep);
    const size_t out = std::min(buffer.size() - written, kStep);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data())) + read;
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data()) + written;
    stream.avail_out = static_cast<uInt>(out);
    state = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || written != buffer.size())
    return fail(ErrorCode::corrupt,
                "member '{}': inflating stops after {} bytes of {} ({} of {} packed bytes)",
                member.name, written, member.size_bytes, read, packed.size());
  return {};
}

}  // namespace

Result<std::vector<ZipMember>> read_zip_directory(Bytes archive) {
  ANEMONE_TRY(const Directory directory, find_directory(archive));
  const auto whole = slice_at(archive, directory.offset, directory.size_bytes);
  if (!whole)
    return fail(ErrorCode::corrupt, "directory of {} bytes at offset {} is outside of {} bytes",
                directory.size_bytes, directory.offset, archive.size());
  Bytes rest = *whole;
  std::vector<ZipMember> members;
  uint64_t packed_total = 0;
  for (uint64_t i = 0; i < directory.count; ++i) {
    if (load_at<uint32_t>(rest, 0) != zip::kCentralSignature || rest.size() < zip::kCentralBytes)
      return fail(ErrorCode::corrupt, "directory entry {} of {} is missing or damaged", i,
                  directory.count);
    ZipMember member;
    member.flags = *load_at<uint16_t>(rest, 8);
    member.method = *load_at<uint16_t>(rest, 10);
    member.crc = *load_at<uint32_t>(rest, 16);
    member.packed_bytes = *load_at<uint32_t>(rest, 20);
    member.size_bytes = *load_at<uint32_t>(rest, 24);
    member.header_offset = *load_at<uint32_t>(rest, 42);
    const uint64_t name_bytes = *load_at<uint16_t>(rest, 28);
    const uint64_t extra_bytes = *load_at<uint16_t>(rest, 30);
    const uint64_t entry_bytes =
        zip::kCentralBytes + name_bytes + extra_bytes + *load_at<uint16_t>(rest, 32);
    if (entry_bytes > rest.size())
      return fail(ErrorCode::corrupt, "directory entry {} of {} is cut short", i, directory.count);
    member.name = text_of(rest.subspan(zip::kCentralBytes, name_bytes));
    ANEMONE_RETURN_IF_ERROR(
        apply_extra64(rest.subspan(zip::kCentralBytes + name_bytes, extra_bytes), member));
    if (member.packed_bytes > archive.size() - packed_total)
      return fail(ErrorCode::corrupt,
                  "member '{}': {} packed bytes, but all members share {} bytes", member.name,
                  member.packed_bytes, archive.size());
    packed_total += member.packed_bytes;
    rest = rest.subspan(static_cast<size_t>(entry_bytes));
    members.push_back(std::move(member));
  }
  return members;
}

Result<Bytes> read_zip_member(Bytes archive, const ZipMember& member,
                              std::vector<std::byte>& buffer) {
  if (member.flags & zip::kFlagEncrypted)
    return fail(ErrorCode::unsupported, "member '{}' is encrypted", member.name);
  const auto header = slice_at(archive, member.header_offset, zip::kLocalBytes);
  if (!header || load_at<uint32_t>(*header, 0) != zip::kLocalSignature)
    return fail(ErrorCode::corrupt, "member '{}': no header at offset {}", member.name,
                member.header_offset);
  const uint64_t name_bytes = *load_at<uint16_t>(*header, 26);
  const uint64_t data_offset =
      member.header_offset + zip::kLocalBytes + name_bytes + *load_at<uint16_t>(*header, 28);
  const auto name = slice_at(archive, member.header_offset + zip::kLocalBytes, name_bytes);
  if (!name || text_of(*name) != member.name)
    return fail(ErrorCode::corrupt, "member '{}': its header at offset {} has another name",
                member.name, member.header_offset);
  const auto packed = slice_at(archive, data_offset, member.packed_bytes);
  if (!packed)
    return fail(ErrorCode::corrupt, "member '{}': {} bytes at offset {} are outside of {} bytes",
                member.name, member.packed_bytes, data_offset, archive.size());

  Bytes contents = *packed;
  if (member.method == zip::kDeflated) {
    ANEMONE_RETURN_IF_ERROR(inflate_all(*packed, member, buffer));
    contents = buffer;
  } else if (member.method != zip::kStored) {
    return fail(ErrorCode::unsupported, "member '{}': compression method {}, known are 0 and 8",
                member.name, member.method);
  }
  if (contents.size() != member.size_bytes)
    return fail(ErrorCode::corrupt, "member '{}': {} bytes, expected {}", member.name,
                contents.size(), member.size_bytes);
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size());
  if (crc != member.crc)
    return fail(ErrorCode::corrupt, "member '{}': checksum {:08x}, expected {:08x}", member.name,
                crc, member.crc);
  return contents;
}

}  // namespace anemone
