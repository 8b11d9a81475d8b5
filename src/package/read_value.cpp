#include "package/read_value.h"

#include <optional>

#include "package/read_tensor_value.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

using mil::Value;
using mil::ValueType;

/// What Value holds before its type is known to the reader: the fields come in any order.
struct RawValue {
  std::optional<Message> type;
  std::optional<Message> immediate;
  std::optional<Message> blob;
};

Result<mil::BlobReference> read_blob_reference(const Message& message) {
  mil::BlobReference reference;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::BlobFileValue::fileName: {
        ANEMONE_TRY(reference.path, field.text());
        return {};
      }
      case wire::BlobFileValue::offset: {
        ANEMONE_TRY(reference.offset_bytes, field.unsigned_integer());
        return {};
      }
    }
    return field.skip(), Status();
  }));
  return reference;
}

Status read_elements(const Message& message, const mil::BlobLoader& blobs, Value& value) {
  return read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::Values::values) return field.skip(), Status();
    ANEMONE_TRY(const Message inner, field.message("Value"));
    ANEMONE_TRY(value.elements.emplace_back(), read_value(inner, blobs));
    return {};
  });
}

Status read_entries(const Message& message, const mil::BlobLoader& blobs, Value& value) {
  return read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::Values::values) return field.skip(), Status();
    ANEMONE_TRY(const Message pair, field.message("KeyValuePair"));
    mil::ValuePair& entry = value.entries.emplace_back();
    uint32_t seen = 0;
    ANEMONE_RETURN_IF_ERROR(read_fields(pair, [&](const Field& inner) -> Status {
      Value* const target = inner.number() == wire::KeyValuePair::key     ? &entry.first
                            : inner.number() == wire::KeyValuePair::value ? &entry.second
                                                                          : nullptr;
      if (target == nullptr) return inner.skip(), Status();
      ANEMONE_TRY(const Message part, inner.message("Value"));
      ANEMONE_TRY(*target, read_value(part, blobs));
      seen |= 1u << inner.number();
      return {};
    }));
    if (seen != (1u << wire::KeyValuePair::key | 1u << wire::KeyValuePair::value))
      return field.wrong("an entry without key or value");
    return {};
  });
}

Status read_immediate(const Message& message, const mil::BlobLoader& blobs, Value& value) {
  bool found = false;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    const auto expect = [&](ValueType::Kind kind) -> Status {
      found = true;
      if (value.type.kind == kind) return {};
      return field.wrong(fmt::format("does not fit the value's type {}", to_string(value.type)));
    };
    switch (field.number()) {
      case wire::ImmediateValue::tensor: {
        ANEMONE_RETURN_IF_ERROR(expect(ValueType::Kind::tensor));
        ANEMONE_TRY(const Message inner, field.message("TensorValue"));
        ANEMONE_TRY(value.tensor, read_tensor_value(inner, value.type.tensor));
        return {};
      }
      case wire::ImmediateValue::tuple: {
        ANEMONE_RETURN_IF_ERROR(expect(ValueType::Kind::tuple));
        ANEMONE_TRY(const Message inner, field.message("TupleValue"));
        ANEMONE_RETURN_IF_ERROR(read_elements(inner, blobs, value));
        if (value.elements.size() != value.type.elements.size())
          return field.wrong(fmt::format("{} elements, expected {}", value.elements.size(),
                                         value.type.elements.size()));
        return {};
      }
      case wire::ImmediateValue::list: {
        ANEMONE_RETURN_IF_ERROR(expect(ValueType::Kind::list));
        ANEMONE_TRY(const Message inner, field.message("ListValue"));
        return read_elements(inner, blobs, value);
      }
      case wire::ImmediateValue::dictionary: {
        ANEMONE_RETURN_IF_ERROR(expect(ValueType::Kind::dictionary));
        ANEMONE_TRY(const Message inner, field.message("DictionaryValue"));
        return read_entries(inner, blobs, value);
      }
    }
    return field.skip(), Status();
  }));
  if (!found)
    return fail(ErrorCode::corrupt, "byte {}: an immediate value of type {} without contents",
                message.offset(message.bytes.data()), to_string(value.type));
  return {};
}

}  // namespace

Result<Value> read_value(const Message& message, const mil::BlobLoader& blobs) {
  RawValue raw;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::Value::type: {
        ANEMONE_TRY(raw.type, field.message("ValueType"));
        return {};
      }
      case wire::Value::immediateValue: {
        ANEMONE_TRY(raw.immediate, field.message("ImmediateValue"));
        raw.blob.reset();
        return {};
      }
      case wire::Value::blobFileValue: {
        ANEMONE_TRY(raw.blob, field.message("BlobFileValue"));
        raw.immediate.reset();
        return {};
      }
    }
    return field.skip(), Status();
  }));
  const auto place = message.offset(message.bytes.data());
  if (!raw.type) return fail(ErrorCode::corrupt, "byte {}: a value without a type", place);
  Value value;
  ANEMONE_TRY(value.type, read_value_type(*raw.type));
  if (raw.immediate) {
    ANEMONE_RETURN_IF_ERROR(read_immediate(*raw.immediate, blobs, value));
    return value;
  }
  if (!raw.blob)
    return fail(ErrorCode::corrupt, "byte {}: a value of type {} without contents", place,
                to_string(value.type));
  if (value.type.kind != ValueType::Kind::tensor || value.type.tensor.variable_rank ||
      !value.type.tensor.shape.is_known())
    return fail(ErrorCode::corrupt, "byte {}: a value of type {} in a weight file", place,
                to_string(value.type));
  ANEMONE_TRY(mil::BlobReference reference, read_blob_reference(*raw.blob));
  auto tensor = blobs(reference, value.type.tensor.dtype, value.type.tensor.shape);
  if (!tensor.ok()) return std::move(tensor).in(fmt::format("byte {}", place)).error();
  value.tensor = std::move(tensor).value();
  value.blob = std::make_shared<const mil::BlobReference>(std::move(reference));
  return value;
}

}  // namespace anemone::package
