#include <optional>

#include "package/read_value.h"
#include "package/type_numbers.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

using mil::ValueType;

/// A dimension: its size, kUnknownDim, or nothing when it stands for any number of dimensions.
Result<std::optional<int64_t>> read_dimension(const Message& message) {
  std::optional<int64_t> size;
  bool present = false;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::Dimension::constant: {
        present = true;
        size = 0;
        ANEMONE_TRY(const Message constant, field.message("ConstantDimension"));
        return read_fields(constant, [&](const Field& inner) -> Status {
          if (inner.number() != wire::ConstantDimension::size) return inner.skip(), Status();
          ANEMONE_TRY(size, inner.integer());
          if (*size < 0) return inner.wrong("a size above 2^63");
          return {};
        });
      }
      case wire::Dimension::unknown: {
        present = true;
        size = kUnknownDim;
        ANEMONE_TRY(const Message unknown, field.message("UnknownDimension"));
        return read_fields(unknown, [&](const Field& inner) -> Status {
          if (inner.number() != wire::UnknownDimension::variadic) return inner.skip(), Status();
          ANEMONE_TRY(const bool variadic, inner.boolean());
          if (variadic) size.reset();
          return {};
        });
      }
    }
    return field.skip(), Status();
  }));
  if (!present)
    return fail(ErrorCode::corrupt, "byte {}: a dimension that is neither constant nor unknown",
                message.offset(message.bytes.data()));
  return size;
}

Result<mil::TensorType> read_tensor_type(const Message& message) {
  mil::TensorType type;
  int64_t dtype_number = 0;
  int64_t rank = 0;
  bool variadic = false;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::TensorType::dataType: {
        ANEMONE_TRY(dtype_number, field.integer());
        return {};
      }
      case wire::TensorType::rank: {
        ANEMONE_TRY(rank, field.integer());
        return {};
      }
      case wire::TensorType::dimensions: {
        ANEMONE_TRY(const Message dimension, field.message("Dimension"));
        ANEMONE_TRY(const std::optional<int64_t> size, read_dimension(dimension));
        if (type.shape.rank() == Shape::kMaxRank)
          return field.wrong(fmt::format("a tensor of rank {} or more, at most {}",
                                         Shape::kMaxRank + 1, Shape::kMaxRank),
                             ErrorCode::unsupported);
        variadic = variadic || !size;
        type.shape.push_back(size.value_or(kUnknownDim));
        return {};
      }
    }
    return field.skip(), Status();
  }));
  const auto place = message.offset(message.bytes.data());
  const auto known = mil_dtype(dtype_number);
  if (!known)
    return fail(ErrorCode::corrupt, "byte {}: data type {} is none of Core ML's", place,
                dtype_number);
  type.dtype = *known;
  type.variable_rank = rank == -1 || variadic;
  if (type.variable_rank) {
    type.shape = {};
    return type;
  }
  if (rank < 0 || static_cast<uint64_t>(rank) != type.shape.rank())
    return fail(ErrorCode::corrupt, "byte {}: a tensor of rank {} with {} dimensions", place, rank,
                type.shape.rank());
  if (type.shape.is_known() && !checked_element_count(type.shape.dims()))
    return fail(ErrorCode::corrupt, "byte {}: shape {} is larger than any memory", place,
                type.shape.to_string());
  return type;
}

Result<ValueType> read_list_type(const Message& message) {
  ValueType type;
  type.kind = ValueType::Kind::list;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    if (field.number() == wire::ListType::type) {
      ANEMONE_TRY(const Message element, field.message("ValueType"));
      type.elements.clear();
      ANEMONE_TRY(type.elements.emplace_back(), read_value_type(element));
      return {};
    }
    if (field.number() == wire::ListType::length) {
      ANEMONE_TRY(const Message length, field.message("Dimension"));
      ANEMONE_TRY(const std::optional<int64_t> size, read_dimension(length));
      type.list_length = size.value_or(kUnknownDim);
      return {};
    }
    return field.skip(), Status();
  }));
  return type;
}

/// tupleType (all of field 1) and dictionaryType (fields 1 and 2).
Result<ValueType> read_compound_type(const Message& message, ValueType::Kind kind) {
  ValueType type;
  type.kind = kind;
  if (kind == ValueType::Kind::dictionary) type.elements.resize(2);
  size_t seen = 0;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    const uint32_t number = field.number();
    const bool element =
        kind == ValueType::Kind::dictionary
            ? number == wire::DictionaryType::keyType || number == wire::DictionaryType::valueType
            : number == wire::TupleType::types;
    if (!element) return field.skip(), Status();
    ANEMONE_TRY(const Message inner, field.message("ValueType"));
    ANEMONE_TRY(ValueType read, read_value_type(inner));
    if (kind == ValueType::Kind::dictionary)
      type.elements[number - wire::DictionaryType::keyType] = std::move(read);
    else
      type.elements.push_back(std::move(read));
    seen |= size_t{1} << number;
    return {};
  }));
  constexpr size_t kBoth =
      1 << wire::DictionaryType::keyType | 1 << wire::DictionaryType::valueType;
  if (kind == ValueType::Kind::dictionary && seen != kBoth)
    return fail(ErrorCode::corrupt, "byte {}: a dictionary type without key or value type",
                message.offset(message.bytes.data()));
  return type;
}

Result<ValueType> read_state_type(const Message& message) {
  std::optional<ValueType> type;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::StateType::wrappedType) return field.skip(), Status();
    ANEMONE_TRY(const Message inner, field.message("ValueType"));
    ANEMONE_TRY(type, read_value_type(inner));
    return {};
  }));
  if (!type || type->kind != ValueType::Kind::tensor)
    return fail(ErrorCode::corrupt, "byte {}: a state of something that is no tensor",
                message.offset(message.bytes.data()));
  type->kind = ValueType::Kind::state;
  return std::move(*type);
}

}  // namespace

Result<ValueType> read_value_type(const Message& message) {
  std::optional<ValueType> type;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::ValueType::tensorType: {
        ANEMONE_TRY(const Message inner, field.message("TensorType"));
        type.emplace();
        ANEMONE_TRY(type->tensor, read_tensor_type(inner));
        return {};
      }
      case wire::ValueType::listType: {
        ANEMONE_TRY(const Message inner, field.message("ListType"));
        ANEMONE_TRY(type, read_list_type(inner));
        if (type->elements.empty()) return field.wrong("a list type without an element type");
        return {};
      }
      case wire::ValueType::tupleType: {
        ANEMONE_TRY(const Message inner, field.message("TupleType"));
        ANEMONE_TRY(type, read_compound_type(inner, ValueType::Kind::tuple));
        return {};
      }
      case wire::ValueType::dictionaryType: {
        ANEMONE_TRY(const Message inner, field.message("DictionaryType"));
        ANEMONE_TRY(type, read_compound_type(inner, ValueType::Kind::dictionary));
        return {};
      }
      case wire::ValueType::stateType: {
        ANEMONE_TRY(const Message inner, field.message("StateType"));
        ANEMONE_TRY(type, read_state_type(inner));
        return {};
      }
    }
    return field.skip(), Status();
  }));
  if (!type)
    return fail(ErrorCode::corrupt, "byte {}: a value type that is none of Core ML's",
                message.offset(message.bytes.data()));
  return std::move(*type);
}

}  // namespace anemone::package
