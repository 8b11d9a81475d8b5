#include "package/read_tensor_value.h"

#include <cstring>
#include <limits>

#include "package/wire_fields.h"

namespace anemone::package {
namespace {

/// The contents of a TensorValue before they are held against a type.
struct RawTensor {
  uint32_t encoding = 0;  ///< a field of TensorValue; 0: none.
  uint64_t offset = 0;    ///< of the list in the file.
  std::vector<int64_t> integers;
  std::vector<std::string> strings;
  std::string raw;  ///< floats, doubles and bytes.
};

const char* encoding_name(uint32_t encoding) {
  switch (encoding) {
    case wire::TensorValue::floats:
      return "floats";
    case wire::TensorValue::ints:
      return "ints";
    case wire::TensorValue::bools:
      return "bools";
    case wire::TensorValue::strings:
      return "strings";
    case wire::TensorValue::longInts:
      return "longInts";
    case wire::TensorValue::doubles:
      return "doubles";
    case wire::TensorValue::bytes:
      return "bytes";
  }
  return "nothing";
}

Status read_list(const Message& message, RawTensor& raw) {
  return read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::Values::values) return field.skip(), Status();
    switch (raw.encoding) {
      case wire::TensorValue::floats:
        return field.fixed(sizeof(float), raw.raw);
      case wire::TensorValue::doubles:
        return field.fixed(sizeof(double), raw.raw);
      case wire::TensorValue::bytes: {
        ANEMONE_TRY(const std::string_view bytes, field.bytes());
        raw.raw = bytes;
        return {};
      }
      case wire::TensorValue::strings: {
        ANEMONE_TRY(raw.strings.emplace_back(), field.text());
        return {};
      }
    }
    return field.integers([&](int64_t value) -> Status {
      raw.integers.push_back(value);
      return {};
    });
  });
}

Result<RawTensor> read_raw(const Message& message) {
  RawTensor raw;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    const uint32_t number = field.number();
    if (number < wire::TensorValue::floats || number > wire::TensorValue::bytes)
      return field.skip(), Status();
    ANEMONE_TRY(const Message list, field.message("TensorValue list"));
    raw = RawTensor{number, message.offset(list.bytes.data()), {}, {}, {}};
    return read_list(list, raw);
  }));
  return raw;
}

struct IntegerRange {
  int64_t least;
  int64_t most;
};

/// The values of an integer type; for uint64 those that a signed varint spells.
IntegerRange range_of(DType dtype) {
  if (dtype == DType::bool_) return {0, 1};
  const int bits = bit_width(dtype);
  if (bits == 64) return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  const bool is_signed = dtype == DType::int4 || dtype == DType::int8 || dtype == DType::int16 ||
                         dtype == DType::int32;
  return is_signed ? IntegerRange{-(int64_t{1} << (bits - 1)), (int64_t{1} << (bits - 1)) - 1}
                   : IntegerRange{0, (int64_t{1} << bits) - 1};
}

/// Whether `encoding` may hold elements of `dtype`.
bool holds(uint32_t encoding, DType dtype) {
  const bool integer = is_integer(dtype);
  switch (encoding) {
    case wire::TensorValue::floats:
    case wire::TensorValue::doubles:
      return dtype == DType::fp16 || dtype == DType::bf16 || dtype == DType::fp32 ||
             dtype == DType::fp64;
    case wire::TensorValue::ints:
    case wire::TensorValue::longInts:
      return integer || dtype == DType::bool_;
    case wire::TensorValue::bools:
      return dtype == DType::bool_;
    case wire::TensorValue::strings:
      return dtype == DType::string;
    case wire::TensorValue::bytes:
      return integer || is_float(dtype);
  }
  return false;
}

uint64_t found_count(const RawTensor& raw) {
  switch (raw.encoding) {
    case wire::TensorValue::floats:
      return raw.raw.size() / sizeof(float);
    case wire::TensorValue::doubles:
      return raw.raw.size() / sizeof(double);
    case wire::TensorValue::strings:
      return raw.strings.size();
    default:
      return raw.integers.size();
  }
}

Status fill_integers(const RawTensor& raw, Tensor& tensor) {
  const DType dtype = tensor.dtype();
  const IntegerRange range = range_of(dtype);
  for (size_t i = 0; i < raw.integers.size(); ++i) {
    // int32 fields may spell unsigned 32-bit numbers as negative ones.
    const int64_t value = dtype == DType::uint32 && raw.encoding == wire::TensorValue::ints
                              ? static_cast<int64_t>(static_cast<uint32_t>(raw.integers[i]))
                              : raw.integers[i];
    if (value < range.least || value > range.most)
      return fail(ErrorCode::corrupt, "byte {}: element {} is {}, which is no {}", raw.offset, i,
                  value, to_string(dtype));
    if (dtype == DType::int64 || dtype == DType::uint64)
      tensor.mutable_values<int64_t>()[i] = value;
    else
      tensor.set(static_cast<int64_t>(i), static_cast<double>(value));
  }
  return {};
}

template <typename T>
void fill_floats(const RawTensor& raw, Tensor& tensor) {
  if (tensor.bytes().size() == raw.raw.size()) {  // the same type, or both empty
    if (!raw.raw.empty())
      std::memcpy(tensor.mutable_bytes().data(), raw.raw.data(), raw.raw.size());
    return;
  }
  for (size_t i = 0; i < raw.raw.size() / sizeof(T); ++i) {
    T value;
    std::memcpy(&value, raw.raw.data() + i * sizeof(T), sizeof(T));
    tensor.set(static_cast<int64_t>(i), static_cast<double>(value));
  }
}

}  // namespace

Result<Tensor> read_tensor_value(const Message& message, const mil::TensorType& type) {
  ANEMONE_TRY(RawTensor raw, read_raw(message));
  const auto wrong = [&](const std::string& found, const std::string& expected) {
    return fail(ErrorCode::corrupt, "byte {}: {}, expected {} for {}", raw.offset, found, expected,
                to_string(mil::ValueType{.tensor = type}));
  };
  const auto count = type.variable_rank ? std::nullopt : checked_element_count(type.shape.dims());
  if (!count) return wrong("a constant", "a known shape");
  if (!holds(raw.encoding, type.dtype)) return wrong(encoding_name(raw.encoding), "another list");

  if (raw.encoding == wire::TensorValue::bytes) {
    const auto size = checked_byte_count(type.dtype, *count);
    if (!size || static_cast<uint64_t>(*size) != raw.raw.size())
      return wrong(fmt::format("{} bytes", raw.raw.size()),
                   size ? std::to_string(*size) : std::string("more than memory"));
    Tensor tensor = Tensor::zeros(type.dtype, type.shape);
    if (!raw.raw.empty())
      std::memcpy(tensor.mutable_bytes().data(), raw.raw.data(), raw.raw.size());
    return tensor;
  }
  if (found_count(raw) != static_cast<uint64_t>(*count))
    return wrong(fmt::format("{} {}", found_count(raw), encoding_name(raw.encoding)),
                 std::to_string(*count));
  if (type.dtype == DType::string) return Tensor::from_strings(type.shape, std::move(raw.strings));
  Tensor tensor = Tensor::zeros(type.dtype, type.shape);
  if (raw.encoding == wire::TensorValue::floats)
    fill_floats<float>(raw, tensor);
  else if (raw.encoding == wire::TensorValue::doubles)
    fill_floats<double>(raw, tensor);
  else
    ANEMONE_RETURN_IF_ERROR(fill_integers(raw, tensor));
  return tensor;
}

}  // namespace anemone::package
