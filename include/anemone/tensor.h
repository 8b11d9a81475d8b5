#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

namespace anemone {

/// Element types of ML Programs. Enumerators spell MIL's text form (`string` and `bool` with a
/// trailing underscore). Sub-byte types exist only packed, in weights.
enum class DType : uint8_t {
  bool_,
  string,
  fp16,
  fp32,
  fp64,
  bf16,
  int4,
  int8,
  int16,
  int32,
  int64,
  uint1,
  uint2,
  uint3,
  uint4,
  uint6,
  uint8,
  uint16,
  uint32,
  uint64,
  fp8e4m3fn,
  fp8e5m2,
};

/// MIL's spelling: "fp16", "bool", "int32" …
std::string_view to_string(DType dtype);
std::optional<DType> parse_dtype(std::string_view text);

/// Bits of one element; 0 for `string`.
int bit_width(DType dtype);
bool is_float(DType dtype);
bool is_integer(DType dtype);  ///< signed or unsigned, sub-byte included; not bool.
bool is_sub_byte(DType dtype);

/// Dimensions of a tensor, at most kMaxRank, kept inline. A rank-0 shape is a scalar.
/// Dimensions are >= 0; `kUnknownDim` stands for "not known before run time" in types only.
class Shape {
 public:
  static constexpr size_t kMaxRank = 8;  ///< Core ML's tensors have rank <= 5; palettes add 2.

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);  ///< CHECKs dims.size() <= kMaxRank.

  size_t rank() const { return rank_; }
  int64_t operator[](size_t axis) const { return dims_[axis]; }
  int64_t& operator[](size_t axis) { return dims_[axis]; }
  std::span<const int64_t> dims() const { return {dims_.data(), rank_}; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  void push_back(int64_t dim);
  void insert(size_t axis, int64_t dim);
  void erase(size_t axis);

  /// Product of all dimensions (1 for a scalar). Every dimension must be known.
  int64_t element_count() const;
  bool is_known() const;  ///< no dimension is kUnknownDim.
  /// Elements between neighbours along `axis` in row-major order.
  int64_t stride(size_t axis) const;

  bool operator==(const Shape& other) const;
  std::string to_string() const;  ///< "[1, 4, ?]".

 private:
  std::array<int64_t, kMaxRank> dims_{};
  size_t rank_ = 0;
};

inline constexpr int64_t kUnknownDim = -1;

/// Product of dimensions, or nothing when it does not fit into int64_t or a dimension is negative.
/// Strides must fit too: zeros do not excuse the other dimensions.
std::optional<int64_t> checked_element_count(std::span<const int64_t> dims);

/// Bytes of `count` elements, sub-byte types packed (rounded up); nothing on overflow.
std::optional<int64_t> checked_byte_count(DType dtype, int64_t count);

/// A dense row-major array. Copying a Tensor shares the bytes; the last copy frees them (or the
/// mapped file they lie in). Sub-byte elements are packed LSB first over the flattened array.
/// Strings are kept as std::string objects. Not synchronised: share between threads only for
/// reading.
class Tensor {
 public:
  Tensor() = default;

  /// Zero-filled (strings: empty). CHECKs that the size fits into memory arithmetic.
  static Tensor zeros(DType dtype, Shape shape);
  /// Shares `data`, whose lifetime `owner` guarantees. `bytes` must hold the shape.
  static Tensor view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                     std::shared_ptr<const void> owner);
  static Tensor from_strings(Shape shape, std::vector<std::string> values);
  template <typename T>
  static Tensor from_values(DType dtype, Shape shape, std::span<const T> values);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t element_count() const { return shape_.element_count(); }
  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  std::span<std::byte> mutable_bytes() { return {data_, size_bytes_}; }
  bool defined() const { return owner_ != nullptr; }

  /// Typed access; CHECKs that sizeof(T) is the element size.
  template <typename T>
  std::span<const T> values() const {
    check_element_size(sizeof(T));
    return {reinterpret_cast<const T*>(data_), size_bytes_ / sizeof(T)};
  }
  template <typename T>
  std::span<T> mutable_values() {
    check_element_size(sizeof(T));
    return {reinterpret_cast<T*>(data_), size_bytes_ / sizeof(T)};
  }
  std::span<const std::string> strings() const;
  std::span<std::string> mutable_strings();

  /// Element `index` of the flattened array as a number, whatever the dtype (not string).
  double at(int64_t index) const;
  /// Stores a number, converted to the dtype: floats round to nearest even (overflow to infinity),
  /// integers truncate towards zero and saturate, bool is `value != 0`.
  void set(int64_t index, double value);

  /// The same bytes under another shape with the same element count.
  Tensor reshaped(Shape shape) const;
  /// A deep copy.
  Tensor clone() const;
  /// A copy converted as by `set`.
  Tensor converted(DType dtype) const;

 private:
  void check_element_size(size_t size) const;

  DType dtype_ = DType::fp32;
  Shape shape_;
  std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
  std::shared_ptr<void> owner_;
};

/// A tensor with its name, as functions take and give them.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

template <typename T>
Tensor Tensor::from_values(DType dtype, Shape shape, std::span<const T> values) {
  Tensor tensor = zeros(dtype, shape);
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(static_cast<int64_t>(i), static_cast<double>(values[i]));
  return tensor;
}

}  // namespace anemone
