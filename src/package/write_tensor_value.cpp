#include "package/write_tensor_value.h"

#include <protozero/varint.hpp>
#include <span>
#include <string>

#include "package/wire_fields.h"

namespace anemone::package {
namespace {

uint32_t list_of(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return wire::TensorValue::bools;
    case DType::string:
      return wire::TensorValue::strings;
    case DType::fp32:
      return wire::TensorValue::floats;
    case DType::fp64:
      return wire::TensorValue::doubles;
    case DType::int16:
    case DType::int32:
    case DType::uint16:
      return wire::TensorValue::ints;
    case DType::int64:
    case DType::uint64:
      return wire::TensorValue::longInts;
    default:
      return wire::TensorValue::bytes;
  }
}

/// Elements of the lists of varints, as protobuf counts them: negative numbers take 64 bits.
uint64_t varint_at(const Tensor& tensor, size_t index) {
  switch (tensor.dtype()) {
    case DType::bool_:
      return tensor.bytes()[index] == std::byte{0} ? 0 : 1;
    case DType::int16:
      return static_cast<uint64_t>(int64_t{tensor.values<int16_t>()[index]});
    case DType::uint16:
      return tensor.values<uint16_t>()[index];
    case DType::int32:
      return static_cast<uint64_t>(int64_t{tensor.values<int32_t>()[index]});
    default:
      return tensor.values<uint64_t>()[index];
  }
}

bool is_varint(uint32_t list) {
  return list == wire::TensorValue::ints || list == wire::TensorValue::longInts ||
         list == wire::TensorValue::bools;
}

}  // namespace

uint64_t encoded_bytes(const Tensor& tensor) {
  uint64_t size = 0;
  if (tensor.dtype() == DType::string) {
    for (const std::string& text : tensor.strings()) size += text.size();
    return size;
  }
  // Every bool takes a byte: no look at the elements, of which there may be many.
  if (!is_varint(list_of(tensor.dtype())) || tensor.dtype() == DType::bool_)
    return tensor.bytes().size();
  for (size_t i = 0; i < static_cast<size_t>(tensor.element_count()); ++i)
    size += static_cast<uint64_t>(protozero::length_of_varint(varint_at(tensor, i)));
  return size;
}

void write_tensor_value(Writer& message, const Tensor& tensor) {
  const uint32_t list = list_of(tensor.dtype());
  add_message(message, list, [&](Writer& values) {
    if (tensor.dtype() == DType::string) {
      for (const std::string& text : tensor.strings())
        values.add_string(wire::Values::values, text);
      return;
    }
    const std::span<const std::byte> bytes = tensor.bytes();
    if (bytes.empty()) return;
    if (!is_varint(list))  // packed floats are little-endian elements, as `bytes` are
      return values.add_bytes(wire::Values::values, reinterpret_cast<const char*>(bytes.data()),
                              bytes.size());
    std::string packed;
    packed.reserve(encoded_bytes(tensor));
    for (size_t i = 0; i < static_cast<size_t>(tensor.element_count()); ++i)
      protozero::add_varint_to_buffer(&packed, varint_at(tensor, i));
    values.add_bytes(wire::Values::values, packed);
  });
}

}  // namespace anemone::package
