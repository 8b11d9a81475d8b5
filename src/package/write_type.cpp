#include "package/write_type.h"

#include "package/type_numbers.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

using mil::ValueType;

void add_dimension(Writer& parent, uint32_t tag, int64_t size) {
  add_message(parent, tag, [size](Writer& dimension) {
    if (size == kUnknownDim)
      return add_message(dimension, wire::Dimension::unknown, [](Writer&) {});
    add_message(dimension, wire::Dimension::constant, [size](Writer& constant) {
      constant.add_uint64(wire::ConstantDimension::size, static_cast<uint64_t>(size));
    });
  });
}

void add_tensor_type(Writer& parent, const mil::TensorType& type) {
  add_message(parent, wire::ValueType::tensorType, [&](Writer& tensor) {
    tensor.add_int64(wire::TensorType::dataType, mil_number(type.dtype));
    const int64_t rank = type.variable_rank ? -1 : static_cast<int64_t>(type.shape.rank());
    if (rank != 0) tensor.add_int64(wire::TensorType::rank, rank);
    for (const int64_t size : type.shape) add_dimension(tensor, wire::TensorType::dimensions, size);
  });
}

}  // namespace

void write_value_type(Writer& message, const ValueType& type) {
  const auto add_elements = [&](Writer& parent, uint32_t first, uint32_t step) {
    for (const ValueType& element : type.elements) {
      add_message(parent, first, [&](Writer& inner) { write_value_type(inner, element); });
      first += step;
    }
  };
  switch (type.kind) {
    case ValueType::Kind::tensor:
      return add_tensor_type(message, type.tensor);
    case ValueType::Kind::state:
      return add_message(message, wire::ValueType::stateType, [&](Writer& state) {
        add_message(state, wire::StateType::wrappedType,
                    [&](Writer& wrapped) { add_tensor_type(wrapped, type.tensor); });
      });
    case ValueType::Kind::list:
      return add_message(message, wire::ValueType::listType, [&](Writer& list) {
        add_elements(list, wire::ListType::type, 0);
        add_dimension(list, wire::ListType::length, type.list_length);
      });
    case ValueType::Kind::tuple:
      return add_message(message, wire::ValueType::tupleType,
                         [&](Writer& tuple) { add_elements(tuple, wire::TupleType::types, 0); });
    case ValueType::Kind::dictionary:
      return add_message(message, wire::ValueType::dictionaryType, [&](Writer& dictionary) {
        add_elements(dictionary, wire::DictionaryType::keyType, 1);
      });
  }
}

}  // namespace anemone::package
