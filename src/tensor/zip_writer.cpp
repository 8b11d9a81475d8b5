#include "tensor/zip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <concepts>

#include "base/error.h"

namespace anemone {
namespace {

// 1980-01-01 00:00, the first date of the format.
constexpr uint16_t kTime = 0;
constexpr uint16_t kDate = 1 << 5 | 1;
constexpr uint16_t kVersion = 20;
constexpr uint16_t kVersion64 = 45;
constexpr uint16_t kMadeOnUnix = 3 << 8;
constexpr uint32_t kRegularFile = 0100644u << 16;

void put(std::string&) {}

template <std::unsigned_integral T, std::unsigned_integral... Rest>
void put(std::string& record, T value, Rest... rest) {
  for (size_t i = 0; i < sizeof(T); ++i) record += static_cast<char>(value >> (8 * i) & 0xff);
  put(record, rest...);
}

}  // namespace

Status ZipWriter::write(std::span<const std::byte> bytes) {
  position_ += bytes.size();
  return file_.write(bytes);
}

Status ZipWriter::add(std::string_view name,
                      std::initializer_list<std::span<const std::byte>> parts) {
  constexpr size_t kLongestName = 0xffff;
  if (name.size() > kLongestName)
    return fail(ErrorCode::invalid_argument, "member name of {} bytes, at most {}", name.size(),
                kLongestName);
  uint64_t size = 0;
  uLong crc = 0;
  for (const auto part : parts) {
    size += part.size();
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
  }
  const bool ascii = std::ranges::all_of(name, [](char c) { return (c & 0x80) == 0; });
  const uint16_t flags = ascii ? uint16_t{0} : zip::kFlagUtf8;
  const auto name_bytes = static_cast<uint16_t>(name.size());
  const auto checksum = static_cast<uint32_t>(crc);

  const uint64_t offset = position_;
  const bool large = size >= zip64_from_;
  const bool far = offset >= zip64_from_;
  const uint16_t version = large || far ? kVersion64 : kVersion;
  const uint32_t size32 = large ? zip::kIn64 : static_cast<uint32_t>(size);

  std::string sizes64;
  if (large) put(sizes64, size, size);
  std::string extra;
  if (large) put(extra, zip::kExtra64, static_cast<uint16_t>(sizes64.size()));
  extra += sizes64;
  std::string local;
  put(local, zip::kLocalSignature, version, flags, zip::kStored, kTime, kDate, checksum, size32,
      size32, name_bytes, static_cast<uint16_t>(extra.size()));
  local += name;
  local += extra;
  ANEMONE_RETURN_IF_ERROR(write(std::as_bytes(std::span(local))));
  for (const auto part : parts) ANEMONE_RETURN_IF_ERROR(write(part));

  if (far) put(sizes64, offset);
  extra.clear();
  if (!sizes64.empty()) put(extra, zip::kExtra64, static_cast<uint16_t>(sizes64.size()));
  extra += sizes64;
  put(directory_, zip::kCentralSignature, static_cast<uint16_t>(kMadeOnUnix | version), version,
      flags, zip::kStored, kTime, kDate, checksum, size32, size32, name_bytes,
      static_cast<uint16_t>(extra.size()), uint16_t{0}, uint16_t{0}, uint16_t{0}, kRegularFile,
      far ? zip::kIn64 : static_cast<uint32_t>(offset));
  directory_ += name;
  directory_ += extra;
  ++count_;
  return {};
}

Status ZipWriter::finish() {
  const uint64_t offset = position_;
  const uint64_t size = directory_.size();
  ANEMONE_RETURN_IF_ERROR(write(std::as_bytes(std::span(directory_))));
  std::string end;
  const bool in64 = offset >= zip64_from_ || size >= zip64_from_ || count_ >= zip::kCountIn64;
  if (in64) {
    constexpr uint64_t kBytesAfterSizeField = zip::kEnd64Bytes - 12;
    put(end, zip::kEnd64Signature, kBytesAfterSizeField,
        static_cast<uint16_t>(kMadeOnUnix | kVersion64), kVersion64, uint32_t{0}, uint32_t{0},
        count_, count_, size, offset);
    put(end, zip::kLocator64Signature, uint32_t{0}, position_, uint32_t{1});
  }
  const uint16_t count16 = in64 ? zip::kCountIn64 : static_cast<uint16_t>(count_);
  put(end, zip::kEndSignature, uint16_t{0}, uint16_t{0}, count16, count16,
      in64 ? zip::kIn64 : static_cast<uint32_t>(size),
      in64 ? zip::kIn64 : static_cast<uint32_t>(offset), uint16_t{0});
  return write(std::as_bytes(std::span(end)));
}

}  // namespace anemone
