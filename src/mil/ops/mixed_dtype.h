#pragma once

#include "mil/op.h"

namespace anemone::mil {

/// Before iOS17 parameter `p` has the dtype of parameter 0; the violation `id` if it has not.
inline std::optional<Violation> mixed_dtype(const Operands& in, size_t p, std::string_view name,
                                            std::string_view id) {
  constexpr int kFirstMixedOpset = 17;
  if (!in.has(p) || in.opset() >= kFirstMixedOpset || in.dtype(p) == in.dtype(0))
    return std::nullopt;
  return violates(id, "{} is {} where {} is expected; other dtypes take iOS17", name,
                  to_string(in.dtype(p)), to_string(in.dtype(0)));
}

}  // namespace anemone::mil
