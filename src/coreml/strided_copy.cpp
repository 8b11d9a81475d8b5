#include "coreml/strided_copy.h"

#include <fmt/ranges.h>

#include <array>
#include <cstring>

#include "base/error.h"

namespace anemone::coreml {
namespace {

template <typename Byte>
Status check(const StridedArray<Byte>& array, const Tensor& tensor, int64_t element_bytes) {
  const auto count = checked_element_count(array.dims);
  if (!count || *count != tensor.element_count() || array.strides.size() != array.dims.size())
    return fail(ErrorCode::mismatch, "Core ML's array has shape {} and strides {}, expected {}",
                array.dims, array.strides, tensor.shape().to_string());
  int64_t last = 0;
  for (size_t axis = 0; axis < array.dims.size() && *count > 0; ++axis) {
    const auto reach =
        checked_element_count(std::array{array.dims[axis] - 1, array.strides[axis], element_bytes});
    if (array.strides[axis] < 0 || !reach || *reach > INT64_MAX / 2 - last)
      return fail(ErrorCode::mismatch, "Core ML's array has strides {}", array.strides);
    last += *reach;
  }
  const auto size = static_cast<int64_t>(array.bytes.size());
  if (*count > 0 && last + element_bytes > size)
    return fail(ErrorCode::mismatch, "Core ML's array of shape {} and strides {} has {} bytes",
                array.dims, array.strides, size);
  return {};
}

/// Calls copy(byte offset in the array, byte offset in the tensor, bytes) for every run of
/// neighbours.
template <typename Copy>
void for_each_run(std::span<const int64_t> dims, std::span<const int64_t> strides,
                  int64_t element_bytes, const Copy& copy) {
  const Shape shape(dims);
  const int64_t count = shape.element_count();
  if (count == 0) return;
  // The axes from `inner` on lie side by side in both.
  size_t inner = dims.size();
  int64_t run = 1;
  while (inner > 0 && (strides[inner - 1] == run || dims[inner - 1] == 1)) run *= dims[--inner];
  for (int64_t at = 0; at < count; at += run) {
    int64_t rest = at / run;
    int64_t place = 0;
    for (size_t axis = inner; axis-- > 0; rest /= dims[axis])
      place += rest % dims[axis] * strides[axis];
    copy(static_cast<size_t>(place * element_bytes), static_cast<size_t>(at * element_bytes),
         static_cast<size_t>(run * element_bytes));
  }
}

int64_t element_bytes_of(const Tensor& tensor) { return bit_width(tensor.dtype()) / 8; }

}  // namespace

Status copy_from(const StridedArray<const std::byte>& array, Tensor& tensor) {
  const int64_t element_bytes = element_bytes_of(tensor);
  ANEMONE_RETURN_IF_ERROR(check(array, tensor, element_bytes));
  std::byte* const target = tensor.mutable_bytes().data();
  for_each_run(array.dims, array.strides, element_bytes, [&](size_t from, size_t to, size_t bytes) {
    std::memcpy(target + to, array.bytes.data() + from, bytes);
  });
  return {};
}

Status copy_to(const Tensor& tensor, const StridedArray<std::byte>& array) {
  const int64_t element_bytes = element_bytes_of(tensor);
  ANEMONE_RETURN_IF_ERROR(check(array, tensor, element_bytes));
  const std::byte* const source = tensor.bytes().data();
  for_each_run(array.dims, array.strides, element_bytes, [&](size_t to, size_t from, size_t bytes) {
    std::memcpy(array.bytes.data() + to, source + from, bytes);
  });
  return {};
}

}  // namespace anemone::coreml
