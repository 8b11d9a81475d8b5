#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace anemone {

static_assert(std::endian::native == std::endian::little,
              "file formats here are little-endian, and so are all supported machines");

/// The little-endian number at `offset`, or nothing when it does not lie inside `bytes`.
template <std::unsigned_integral T>
std::optional<T> load_at(std::span<const std::byte> bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// `count` bytes from `offset`, or nothing when they do not all lie inside `bytes`.
inline std::optional<std::span<const std::byte>> slice_at(std::span<const std::byte> bytes,
                                                          uint64_t offset, uint64_t count) {
  if (offset > bytes.size() || bytes.size() - offset < count) return std::nullopt;
  return bytes.subspan(static_cast<size_t>(offset), static_cast<size_t>(count));
}

}  // namespace anemone
