#include "runtime/ops/pointwise.h"

#include <algorithm>

namespace anemone::runtime {
namespace {

bool all_are(const std::optional<std::vector<int64_t>>& values, int64_t wanted) {
  return !values || std::ranges::all_of(*values, [&](int64_t value) { return value == wanted; });
}

}  // namespace

bool is_pointwise(const Arguments& conv) {
  const Shape& weight = conv.shape("weight");
  for (size_t axis = 2; axis < weight.rank(); ++axis)
    if (weight[axis] != 1) return false;
  const bool pads = conv.text("pad_type", "valid") == "custom" && !all_are(conv.integers("pad"), 0);
  return !pads && all_are(conv.integers("strides"), 1) && conv.integer("groups", 1) == 1;
}

}  // namespace anemone::runtime
