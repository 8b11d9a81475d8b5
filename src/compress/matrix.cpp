#include "compress/matrix.h"

#include "base/check.h"
#include "base/float16.h"

namespace anemone::compress {
namespace {

/// [rows, columns] as [columns, rows], in tiles that stay in the cache.
template <typename T>
std::vector<T> transposed(std::span<const T> values, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 32;
  std::vector<T> result(values.size());
  for (int64_t top = 0; top < rows; top += kTile)
    for (int64_t left = 0; left < columns; left += kTile)
      for (int64_t row = top; row < std::min(rows, top + kTile); ++row)
        for (int64_t column = left; column < std::min(columns, left + kTile); ++column)
          result[static_cast<size_t>(column * rows + row)] =
              values[static_cast<size_t>(row * columns + column)];
  return result;
}

}  // namespace

Matrix::Matrix(const Weight& weight, const Tensor& values)
    : source_(values.dtype() == DType::fp16 ? values : values.converted(DType::fp16)),
      values_(source_.values<uint16_t>()),
      rows_(weight.rows()),
      columns_(weight.columns()) {
  if (weight.output_axis == 0) return;
  own_ = transposed(values_, columns_, rows_);
  values_ = own_;
}

Tensor packed(const std::vector<uint8_t>& codes, DType dtype, const Shape& shape, int threads) {
  const auto bits = static_cast<unsigned>(bit_width(dtype));
  Tensor tensor = Tensor::zeros(dtype, shape);
  const auto count = static_cast<int64_t>(codes.size());
  ANEMONE_CHECK(count == shape.element_count(), "a code for each element");
  auto* bytes = reinterpret_cast<uint8_t*>(tensor.mutable_bytes().data());
  constexpr int64_t kRange = 1 << 20;  // whole bytes of any width
  for_each_range(count, kRange, threads, [&](int64_t begin, int64_t end) {
    const uint8_t* code = codes.data() + begin;
    uint8_t* out = bytes + begin * static_cast<int64_t>(bits) / 8;
    if (bits == 8) {
      std::copy(code, codes.data() + end, out);
      return;
    }
    if (bits == 4) {
      for (int64_t pair = 0; pair < (end - begin) / 2; ++pair)
        out[pair] = static_cast<uint8_t>(code[2 * pair] | code[2 * pair + 1] << 4);
      if ((end - begin) % 2 != 0) out[(end - begin) / 2] = code[end - begin - 1];
      return;
    }
    uint32_t held = 0;
    unsigned held_bits = 0;
    for (int64_t i = begin; i < end; ++i) {
      held |= static_cast<uint32_t>(*code++) << held_bits;
      held_bits += bits;
      for (; held_bits >= 8; held_bits -= 8, held >>= 8) *out++ = static_cast<uint8_t>(held);
    }
    if (held_bits > 0) *out = static_cast<uint8_t>(held);
  });
  return tensor;
}

Tensor packed_codes(const Weight& weight, std::vector<uint8_t> codes, DType dtype,
                    const Shape& shape, int threads) {
  if (weight.output_axis != 0)
    codes = transposed(std::span<const uint8_t>(codes), shape[1], shape[0]);
  return packed(codes, dtype, shape, threads);
}

std::vector<uint8_t> in_stored_order(const Weight& weight, std::vector<uint8_t> of_rows) {
  if (weight.output_axis == 0) return of_rows;
  return transposed(std::span<const uint8_t>(of_rows), weight.rows(), weight.columns());
}

std::vector<float> scales_in_stored_order(const Weight& weight, const Shape& scale_shape,
                                          std::vector<float> of_rows) {
  if (weight.output_axis == 0) return of_rows;
  return transposed(std::span<const float>(of_rows), scale_shape[1], scale_shape[0]);
}

Tensor as_type(const Tensor& tensor, const mil::TensorType& type) {
  return Tensor::view(type.dtype, type.shape, tensor.bytes(),
                      std::make_shared<const Tensor>(tensor));
}

mil::Value shape_value(const Shape& shape) {
  const Shape rank{static_cast<int64_t>(shape.rank())};
  return {.type = mil::ValueType::of(DType::uint32, rank),
          .tensor = Tensor::from_values(DType::uint32, rank, shape.dims())};
}

Shape along_rows(const Weight& weight, int64_t rows) {
  Shape shape;
  for (size_t axis = 0; axis < weight.type.shape.rank(); ++axis)
    shape.push_back(axis == weight.output_axis ? rows : 1);
  return shape;
}

Tensor floats(DType dtype, const Shape& shape, std::span<const float> values) {
  return Tensor::from_values(dtype, shape, values);
}

float fp16_scale(float scale, float most) {
  constexpr uint16_t kLeast = 1;
  uint16_t bits = std::max(kLeast, float_to_fp16(scale));
  while (bits > kLeast && fp16_to_float(bits) * most > kLargestFp16) --bits;
  return fp16_to_float(bits);
}

int64_t divisor(int64_t whole, int64_t most, int64_t step) {
  int64_t size = std::min(whole, most) / step * step;
  while (size > 0 && whole % size != 0) size -= step;
  return size;
}

}  // namespace anemone::compress
