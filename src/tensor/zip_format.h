#pragma once

#include <cstdint>

/// Record signatures and sizes of the zip format (PKWARE APPNOTE 6.3). All numbers little-endian.
namespace anemone::zip {

inline constexpr uint32_t kLocalSignature = 0x04034b50;
inline constexpr uint32_t kCentralSignature = 0x02014b50;
inline constexpr uint32_t kEndSignature = 0x06054b50;
inline constexpr uint32_t kEnd64Signature = 0x06064b50;
inline constexpr uint32_t kLocator64Signature = 0x07064b50;

inline constexpr uint64_t kLocalBytes = 30;    ///< then name, extra
inline constexpr uint64_t kCentralBytes = 46;  ///< then name, extra, comment
inline constexpr uint64_t kEndBytes = 22;      ///< then comment
inline constexpr uint64_t kEnd64Bytes = 56;
inline constexpr uint64_t kLocator64Bytes = 20;

inline constexpr uint16_t kExtra64 = 1;        ///< id of the extra field with 64-bit sizes
inline constexpr uint32_t kIn64 = 0xffffffff;  ///< "see the 64-bit field"
inline constexpr uint16_t kCountIn64 = 0xffff;

inline constexpr uint16_t kStored = 0;
inline constexpr uint16_t kDeflated = 8;
inline constexpr uint16_t kFlagEncrypted = 1;
inline constexpr uint16_t kFlagUtf8 = 1 << 11;

}  // namespace anemone::zip
