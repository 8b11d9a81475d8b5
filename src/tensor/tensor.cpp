#include "anemone/tensor.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/float16.h"

namespace anemone {
namespace {

uint32_t read_bits(const std::byte* data, int64_t index, int bits) {
  const int64_t first = index * bits;
  const auto byte = static_cast<size_t>(first / 8);
  const auto shift = static_cast<int>(first % 8);
  uint32_t word = std::to_integer<uint32_t>(data[byte]);
  if (shift + bits > 8) word |= std::to_integer<uint32_t>(data[byte + 1]) << 8;
  return (word >> shift) & ((1u << bits) - 1u);
}

void write_bits(std::byte* data, int64_t index, int bits, uint32_t value) {
  for (int i = 0; i < bits; ++i) {
    const int64_t position = index * bits + i;
    const auto mask = static_cast<std::byte>(1u << (position % 8));
    std::byte& byte = data[static_cast<size_t>(position / 8)];
    byte = (value >> i) & 1u ? byte | mask : byte & ~mask;
  }
}

template <typename T>
T load(const std::byte* data, int64_t index) {
  T value;
  std::memcpy(&value, data + static_cast<size_t>(index) * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(std::byte* data, int64_t index, T value) {
  std::memcpy(data + static_cast<size_t>(index) * sizeof(T), &value, sizeof(T));
}

template <typename T>
T saturate(double value) {
  if (std::isnan(value)) return 0;
  const double truncated = std::trunc(value);
  if (truncated <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  if (truncated >= static_cast<double>(std::numeric_limits<T>::max()))
    return std::numeric_limits<T>::max();
  return static_cast<T>(truncated);
}

/// OCP 8-bit floats; E4M3FN has no infinity and one NaN.
double fp8_to_double(uint8_t bits, int exponent_bits, int bias) {
  const int mantissa_bits = 7 - exponent_bits;
  const int exponent = (bits & 0x7f) >> mantissa_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits & 0x80 ? -1.0 : 1.0;
  if (exponent_bits == 5 && exponent == 31)
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  if (exponent_bits == 4 && (bits & 0x7f) == 0x7f) return std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

}  // namespace

Tensor Tensor::zeros(DType dtype, Shape shape) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = shape;
  const int64_t count = shape.element_count();
  if (dtype == DType::string) {
    tensor.owner_ = std::make_shared<std::vector<std::string>>(static_cast<size_t>(count));
    return tensor;
  }
  const auto bytes = checked_byte_count(dtype, count);
  ANEMONE_CHECK(bytes.has_value(), "callers bound sizes before they allocate");
  tensor.size_bytes_ = static_cast<size_t>(*bytes);
  constexpr size_t kAlignment = 64;  // one cache line, and the widest vector load
  const size_t padded =
      (tensor.size_bytes_ + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  auto* memory = static_cast<std::byte*>(::operator new (padded, std::align_val_t{kAlignment}));
  std::memset(memory, 0, padded);
  tensor.owner_ = std::shared_ptr<void>(
      memory, [](void* p) { ::operator delete (p, std::align_val_t{kAlignment}); });
  tensor.data_ = memory;
  return tensor;
}

Tensor Tensor::view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                    std::shared_ptr<const void> owner) {
  ANEMONE_CHECK(dtype != DType::string, "texts are objects: no bytes stand for them");
  const auto needed = checked_byte_count(dtype, shape.element_count());
  ANEMONE_CHECK(needed.has_value() && static_cast<size_t>(*needed) <= bytes.size(),
                "readers check a view against the bytes they found");
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = shape;
  tensor.data_ = const_cast<std::byte*>(bytes.data());
  tensor.size_bytes_ = static_cast<size_t>(*needed);
  tensor.owner_ = std::const_pointer_cast<void>(std::move(owner));
  return tensor;
}

Tensor Tensor::from_strings(Shape shape, std::vector<std::string> values) {
  ANEMONE_CHECK(static_cast<size_t>(shape.element_count()) == values.size(),
                "as many strings as the shape holds");
  Tensor tensor;
  tensor.dtype_ = DType::string;
  tensor.shape_ = shape;
  tensor.owner_ = std::make_shared<std::vector<std::string>>(std::move(values));
  return tensor;
}

std::span<const std::string> Tensor::strings() const {
  ANEMONE_CHECK(dtype_ == DType::string && owner_, "only string tensors hold strings");
  return *static_cast<const std::vector<std::string>*>(owner_.get());
}

std::span<std::string> Tensor::mutable_strings() {
  ANEMONE_CHECK(dtype_ == DType::string && owner_, "only string tensors hold strings");
  return *static_cast<std::vector<std::string>*>(owner_.get());
}

void Tensor::check_element_size(size_t size) const {
  ANEMONE_CHECK(size * 8 == static_cast<size_t>(bit_width(dtype_)),
                "typed access needs the element's own size");
}

double Tensor::at(int64_t index) const {
  ANEMONE_DCHECK(index >= 0 && index < element_count(), "index inside the tensor");
  switch (dtype_) {
    case DType::bool_:
      return data_[index] != std::byte{0} ? 1.0 : 0.0;
    case DType::fp16:
      return static_cast<double>(fp16_to_float(load<uint16_t>(data_, index)));
    case DType::fp32:
      return static_cast<double>(load<float>(data_, index));
    case DType::fp64:
      return load<double>(data_, index);
    case DType::bf16:
      return static_cast<double>(bf16_to_float(load<uint16_t>(data_, index)));
    case DType::int4: {
      const auto nibble = static_cast<int>(read_bits(data_, index, 4));
      return nibble >= 8 ? nibble - 16 : nibble;
    }
    case DType::int8:
      return load<int8_t>(data_, index);
    case DType::int16:
      return load<int16_t>(data_, index);
    case DType::int32:
      return load<int32_t>(data_, index);
    case DType::int64:
      return static_cast<double>(load<int64_t>(data_, index));
    case DType::uint1:
    case DType::uint2:
    case DType::uint3:
    case DType::uint4:
    case DType::uint6:
      return read_bits(data_, index, bit_width(dtype_));
    case DType::uint8:
      return load<uint8_t>(data_, index);
    case DType::uint16:
      return load<uint16_t>(data_, index);
    case DType::uint32:
      return load<uint32_t>(data_, index);
    case DType::uint64:
      return static_cast<double>(load<uint64_t>(data_, index));
    case DType::fp8e4m3fn:
      return fp8_to_double(load<uint8_t>(data_, index), 4, 7);
    case DType::fp8e5m2:
      return fp8_to_double(load<uint8_t>(data_, index), 5, 15);
    case DType::string:
      break;
  }
  ANEMONE_CHECK(false, "strings are not numbers");
}

void Tensor::set(int64_t index, double value) {
  ANEMONE_DCHECK(index >= 0 && index < element_count(), "index inside the tensor");
  switch (dtype_) {
    case DType::bool_:
      data_[index] = value != 0 ? std::byte{1} : std::byte{0};
      return;
    case DType::fp16:
      return store(data_, index, double_to_fp16(value));
    case DType::fp32:
      return store(data_, index, static_cast<float>(value));
    case DType::fp64:
      return store(data_, index, value);
    case DType::bf16:
      return store(data_, index, float_to_bf16(static_cast<float>(value)));
    case DType::int4: {
      const double clamped = std::fmin(std::fmax(std::trunc(value), -8), 7);
      return write_bits(data_, index, 4, static_cast<uint32_t>(static_cast<int>(clamped)) & 0xfu);
    }
    case DType::int8:
      return store(data_, index, saturate<int8_t>(value));
    case DType::int16:
      return store(data_, index, saturate<int16_t>(value));
    case DType::int32:
      return store(data_, index, saturate<int32_t>(value));
    case DType::int64:
      return store(data_, index, saturate<int64_t>(value));
    case DType::uint1:
    case DType::uint2:
    case DType::uint3:
    case DType::uint4:
    case DType::uint6: {
      const double top = (1 << bit_width(dtype_)) - 1;
      const double clamped = std::fmin(std::fmax(std::trunc(value), 0), top);
      return write_bits(data_, index, bit_width(dtype_), static_cast<uint32_t>(clamped));
    }
    case DType::uint8:
      return store(data_, index, saturate<uint8_t>(value));
    case DType::uint16:
      return store(data_, index, saturate<uint16_t>(value));
    case DType::uint32:
      return store(data_, index, saturate<uint32_t>(value));
    case DType::uint64:
      return store(data_, index, saturate<uint64_t>(value));
    case DType::fp8e4m3fn:
    case DType::fp8e5m2:
    case DType::string:
      break;
  }
  ANEMONE_CHECK(false, "no operation produces this dtype");
}

Tensor Tensor::reshaped(Shape shape) const {
  ANEMONE_CHECK(shape.element_count() == element_count(), "a reshape keeps the element count");
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

Tensor Tensor::clone() const {
  if (dtype_ == DType::string) {
    const auto values = strings();
    return from_strings(shape_, {values.begin(), values.end()});
  }
  Tensor copy = zeros(dtype_, shape_);
  if (size_bytes_ > 0) std::memcpy(copy.data_, data_, size_bytes_);
  return copy;
}

Tensor Tensor::converted(DType dtype) const {
  if (dtype == dtype_) return clone();
  Tensor result = zeros(dtype, shape_);
  const int64_t count = element_count();
  for (int64_t i = 0; i < count; ++i) result.set(i, at(i));
  return result;
}

}  // namespace anemone
