#include <algorithm>

#include "anemone/tensor.h"
#include "base/check.h"

namespace anemone {

Shape::Shape(std::initializer_list<int64_t> dims)
    : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) : rank_(dims.size()) {
  ANEMONE_CHECK(dims.size() <= kMaxRank, "readers refuse higher ranks");
  std::copy(dims.begin(), dims.end(), dims_.begin());
}

void Shape::push_back(int64_t dim) { insert(rank_, dim); }

void Shape::insert(size_t axis, int64_t dim) {
  ANEMONE_CHECK(rank_ < kMaxRank && axis <= rank_, "type inference bounds the rank");
  std::copy_backward(dims_.begin() + axis, dims_.begin() + rank_, dims_.begin() + rank_ + 1);
  dims_[axis] = dim;
  ++rank_;
}

void Shape::erase(size_t axis) {
  ANEMONE_CHECK(axis < rank_, "the axis exists");
  std::copy(dims_.begin() + axis + 1, dims_.begin() + rank_, dims_.begin() + axis);
  --rank_;
  dims_[rank_] = 0;
}

int64_t Shape::element_count() const {
  const auto count = checked_element_count(dims());
  ANEMONE_CHECK(count.has_value(), "shapes of tensors are known and bounded");
  return *count;
}

bool Shape::is_known() const {
  return std::all_of(begin(), end(), [](int64_t dim) { return dim != kUnknownDim; });
}

int64_t Shape::stride(size_t axis) const {
  int64_t stride = 1;
  for (size_t i = axis + 1; i < rank_; ++i) stride *= dims_[i];
  return stride;
}

bool Shape::operator==(const Shape& other) const {
  return std::ranges::equal(dims(), other.dims());
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (size_t i = 0; i < rank_; ++i) {
    if (i > 0) text += ", ";
    text += dims_[i] == kUnknownDim ? "?" : std::to_string(dims_[i]);
  }
  return text + "]";
}

std::optional<int64_t> checked_element_count(std::span<const int64_t> dims) {
  bool empty = false;
  int64_t count = 1;
  for (const int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0)
      empty = true;
    else if (__builtin_mul_overflow(count, dim, &count))
      return std::nullopt;
  }
  return empty ? 0 : count;
}

std::optional<int64_t> checked_byte_count(DType dtype, int64_t count) {
  int64_t bits = 0;
  if (count < 0 || __builtin_mul_overflow(count, int64_t{bit_width(dtype)}, &bits))
    return std::nullopt;
  return bits / 8 + (bits % 8 != 0 ? 1 : 0);
}

}  // namespace anemone
