#include "tensor/unicode.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/bounded_bytes.h"
#include "base/error.h"

namespace anemone {
namespace {

bool is_code_point(uint32_t value) {
  return value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
}

void append_utf8(std::string& text, uint32_t point) {
  const auto put = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

Result<std::vector<uint32_t>> decode_utf8(const std::string& text) {
  std::vector<uint32_t> points;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // shorter forms are not UTF-8
    uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    bool valid = (lead < 0x80 || lead >= 0xc0) && lead < 0xf8 && i + length <= text.size();
    for (size_t k = 1; valid && k < length; ++k) {
      const auto next = static_cast<uint8_t>(text[i + k]);
      valid = (next & 0xc0) == 0x80;
      point = point << 6 | (next & 0x3fu);
    }
    if (!valid || point < kLeast[length] || !is_code_point(point))
      return fail(ErrorCode::invalid_argument, "text is not UTF-8 at byte {}", i);
    points.push_back(point);
    i += length;
  }
  return points;
}

}  // namespace

Result<std::string> utf32_to_utf8(std::span<const std::byte> units) {
  std::vector<uint32_t> points(units.size() / sizeof(uint32_t));
  if (!points.empty()) std::memcpy(points.data(), units.data(), points.size() * sizeof(uint32_t));
  while (!points.empty() && points.back() == 0) points.pop_back();
  std::string text;
  for (const uint32_t point : points) {
    if (!is_code_point(point))
      return fail(ErrorCode::corrupt, "text holds {:#x}, which is no code point", point);
    append_utf8(text, point);
  }
  return text;
}

Result<Utf32Column> utf8_to_utf32(std::span<const std::string> texts) {
  std::vector<std::vector<uint32_t>> decoded;
  Utf32Column column;
  for (const std::string& text : texts) {
    ANEMONE_TRY(std::vector<uint32_t> points, decode_utf8(text));
    column.width = std::max(column.width, points.size());
    decoded.push_back(std::move(points));
  }
  const size_t element_bytes = column.width * sizeof(uint32_t);
  column.data.resize(decoded.size() * element_bytes);
  for (size_t i = 0; i < decoded.size(); ++i)
    if (!decoded[i].empty())
      std::memcpy(column.data.data() + i * element_bytes, decoded[i].data(),
                  decoded[i].size() * sizeof(uint32_t));
  return column;
}

}  // namespace anemone
