#pragma once

#include <cstdint>
#include <vector>

#include "anemone/tensor.h"

/// Operands of products, read once into plain arrays.
namespace anemone::mil {

/// `count` elements from `first` on, exactly, as floats are enough for every fp16 and fp32.
/// int32 elements beyond 2^24 round.
std::vector<float> hoist(const Tensor& tensor, int64_t first, int64_t count);
std::vector<float> hoist(const Tensor& tensor);

/// The sum of products in fp64, in order.
template <typename A, typename B>
double dot(const A* a, const B* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace anemone::mil
