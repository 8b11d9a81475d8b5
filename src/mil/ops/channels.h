#pragma once

#include "mil/op.h"

/// Ops whose constants hold one number for each channel, which is axis 1.
namespace anemone::mil {

/// The channel of element `index`.
inline int64_t channel_of(const Shape& shape, int64_t index) {
  return index / shape.stride(1) % shape[1];
}

/// Whether parameter `p` is absent or a vector as long as axis 1 of `x`; the violation `id` if not.
inline std::optional<Violation> channel_vector(const Operands& in, size_t p, const Shape& x,
                                               std::string_view name, std::string_view id) {
  if (!in.has(p)) return std::nullopt;
  const Shape& shape = in.shape(p);
  if (shape.rank() == 1 && (shape[0] == x[1] || x[1] == kUnknownDim)) return std::nullopt;
  return violates(id, "{} is {}, expected [{}], one for each channel of x", name, shape.to_string(),
                  x[1]);
}

}  // namespace anemone::mil
