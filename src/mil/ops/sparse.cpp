#include "mil/ops/sparse.h"

#include <bit>

namespace anemone::mil {
namespace {

int64_t count_ones(const Tensor& bits) {
  const auto bytes = bits.bytes();
  const int64_t whole_bytes = bits.element_count() / 8;
  int64_t ones = 0;
  for (size_t i = 0; i < static_cast<size_t>(whole_bytes); ++i)
    ones += std::popcount(std::to_integer<uint8_t>(bytes[i]));
  for (int64_t i = whole_bytes * 8; i < bits.element_count(); ++i) ones += bits.at(i) != 0 ? 1 : 0;
  return ones;
}

}  // namespace

Tensor mask_bits(const Tensor& mask, const Shape& shape) {
  if (mask.dtype() == DType::uint1) return mask;
  return Tensor::view(DType::uint1, shape, mask.bytes(), nullptr);
}

std::optional<Violation> check_nonzero(const Operands& in, size_t nonzero_data, size_t mask,
                                       const Shape& shape) {
  const Shape& data = in.shape(nonzero_data);
  if (data.rank() != 1)
    return violates("c6", "the nonzero data has rank {}, expected 1", data.rank());
  const Tensor* bits = in.value(mask);
  if (bits == nullptr || data[0] == kUnknownDim || !shape.is_known()) return std::nullopt;
  const int64_t ones = count_ones(mask_bits(*bits, shape));
  if (ones == data[0]) return std::nullopt;
  return violates("c7", "the mask has {} set bits for {} elements of nonzero data", ones, data[0]);
}

}  // namespace anemone::mil
