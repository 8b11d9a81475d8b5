#include "checkpoint/tensor_source.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace anemone::checkpoint {

const TensorInfo* TensorSource::find(std::string_view name) const {
  const auto all = tensors();
  const auto found = std::ranges::lower_bound(all, name, {}, &TensorInfo::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

Result<size_t> TensorSource::index_of(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) return fail(ErrorCode::not_found, "no tensor '{}'", name);
  return static_cast<size_t>(info - tensors().data());
}

void sort_by_name(std::vector<TensorInfo>& tensors) {
  std::ranges::sort(tensors, {}, &TensorInfo::name);
}

Tensor view_or_copy(DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                    std::shared_ptr<const void> owner) {
  const auto element_bytes = static_cast<uintptr_t>(std::max(1, bit_width(dtype) / 8));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % element_bytes == 0)
    return Tensor::view(dtype, shape, bytes, std::move(owner));
  Tensor copy = Tensor::zeros(dtype, shape);
  std::memcpy(copy.mutable_bytes().data(), bytes.data(), copy.mutable_bytes().size());
  return copy;
}

}  // namespace anemone::checkpoint
