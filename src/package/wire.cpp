#include "package/wire.h"

#include <protozero/varint.hpp>

#include "base/utf8.h"

namespace anemone::package {
namespace {

using protozero::pbf_wire_type;

// Deeper than any real program (control flow in control flow), shallow enough for every stack.
constexpr int kDeepest = 100;

}  // namespace

Message whole_message(std::string_view file, const char* type) {
  return {file, file.data(), type, 0};
}

Error Field::wrong(std::string_view what, ErrorCode code) const {
  return fail(code, "byte {}: field {} of {}: {}", message_.offset(at_), number(), message_.type,
              what);
}

Status Field::expect(pbf_wire_type type, const char* name) const {
  if (reader_.wire_type() == type) return {};
  return wrong(
      fmt::format("wire type {}, expected {}", static_cast<uint32_t>(reader_.wire_type()), name));
}

Result<std::string_view> Field::bytes() const {
  ANEMONE_RETURN_IF_ERROR(expect(pbf_wire_type::length_delimited, "2 (a length)"));
  const protozero::data_view view = reader_.get_view();
  return std::string_view(view.data(), view.size());
}

Result<Message> Field::message(const char* type) const {
  ANEMONE_TRY(const std::string_view view, bytes());
  if (message_.depth >= kDeepest)
    return wrong(fmt::format("messages nested deeper than {}", kDeepest));
  return Message{view, message_.file, type, message_.depth + 1};
}

Result<std::string> Field::text() const {
  ANEMONE_TRY(const std::string_view view, bytes());
  if (!is_utf8(view)) return wrong("text is not UTF-8");
  return std::string(view);
}

Result<uint64_t> Field::unsigned_integer() const {
  ANEMONE_RETURN_IF_ERROR(expect(pbf_wire_type::varint, "0 (a varint)"));
  return reader_.get_uint64();
}

Result<int64_t> Field::integer() const {
  ANEMONE_RETURN_IF_ERROR(expect(pbf_wire_type::varint, "0 (a varint)"));
  return reader_.get_int64();
}

Result<bool> Field::boolean() const {
  ANEMONE_TRY(const uint64_t value, unsigned_integer());
  return value != 0;
}

Result<double> Field::number32() const {
  ANEMONE_RETURN_IF_ERROR(expect(pbf_wire_type::fixed32, "5 (32 bits)"));
  return static_cast<double>(reader_.get_float());
}

Result<double> Field::number64() const {
  ANEMONE_RETURN_IF_ERROR(expect(pbf_wire_type::fixed64, "1 (64 bits)"));
  return reader_.get_double();
}

Status Field::integers(const std::function<Status(int64_t)>& add) const {
  if (reader_.wire_type() == pbf_wire_type::varint) return add(reader_.get_int64());
  ANEMONE_TRY(const std::string_view packed, bytes());
  const char* at = packed.data();
  const char* const end = packed.data() + packed.size();
  while (at != end)
    ANEMONE_RETURN_IF_ERROR(add(static_cast<int64_t>(protozero::decode_varint(&at, end))));
  return {};
}

Status Field::fixed(size_t element_bytes, std::string& raw) const {
  const pbf_wire_type single =
      element_bytes == sizeof(float) ? pbf_wire_type::fixed32 : pbf_wire_type::fixed64;
  if (reader_.wire_type() == single) {
    const char* const first = reader_.data().data();
    reader_.skip();
    raw.append(first, element_bytes);
    return {};
  }
  ANEMONE_TRY(const std::string_view packed, bytes());
  if (packed.size() % element_bytes != 0)
    return wrong(fmt::format("{} bytes, expected a multiple of {}", packed.size(), element_bytes));
  raw.append(packed);
  return {};
}

}  // namespace anemone::package
