#pragma once

#include <cstdint>
#include <functional>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// Protobuf on the wire, as the readers here want it: each access names what is wrong and at which
/// byte; nesting is bounded; text is UTF-8; scalar lists may be packed or not.
namespace anemone::package {

/// The bytes of one message.
struct Message {
  std::string_view bytes;
  const char* file = nullptr;  ///< first byte of the file, for places in errors.
  const char* type = "";       ///< its name in the .proto files.
  int depth = 0;

  uint64_t offset(const char* at) const { return static_cast<uint64_t>(at - file); }
};

Message whole_message(std::string_view file, const char* type);

/// The field that the reader has just met. Each must be taken once, by one of the functions, or
/// skipped.
class Field {
 public:
  Field(const Message& message, protozero::pbf_reader& reader)
      : message_(message), reader_(reader), at_(reader.data().data()), number_(reader.tag()) {}

  uint32_t number() const { return number_; }

  /// Errors of all: corrupt (wire type, depth, UTF-8, a number too large for its field).
  Result<Message> message(const char* type) const;
  Result<std::string_view> bytes() const;
  Result<std::string> text() const;
  Result<uint64_t> unsigned_integer() const;
  Result<int64_t> integer() const;
  Result<bool> boolean() const;
  Result<double> number32() const;  ///< a `float`
  Result<double> number64() const;  ///< a `double`
  void skip() const { reader_.skip(); }

  /// Scalar lists. `add` takes one element; errors it returns end the reading.
  Status integers(const std::function<Status(int64_t)>& add) const;
  /// The raw little-endian bytes of a `float` (4) or `double` (8) list are appended.
  Status fixed(size_t element_bytes, std::string& raw) const;

  /// An error of this field, with its place.
  Error wrong(std::string_view what, ErrorCode code = ErrorCode::corrupt) const;

 private:
  Status expect(protozero::pbf_wire_type type, const char* name) const;

  const Message& message_;
  protozero::pbf_reader& reader_;
  const char* at_;
  uint32_t number_;
};

/// Calls `handle(const Field&)` for each field of `message`; it returns a Status.
/// Errors: corrupt (the wire format is broken), whatever `handle` returns.
template <typename Handler>
Status read_fields(const Message& message, Handler&& handle) {
  protozero::pbf_reader reader(message.bytes.data(), message.bytes.size());
  try {
    while (reader.next()) ANEMONE_RETURN_IF_ERROR(handle(Field(message, reader)));
  } catch (const protozero::exception& problem) {
    return with_hint(fail(ErrorCode::corrupt, "byte {}: message {} of {} bytes breaks off ({})",
                          message.offset(reader.data().data()), message.type, message.bytes.size(),
                          problem.what()),
                     "the file is damaged or was not copied whole");
  }
  return {};
}

}  // namespace anemone::package
