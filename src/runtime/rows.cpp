#include "runtime/rows.h"

namespace anemone::runtime {

std::optional<Rows> rows_along(const Shape& shape,
                               const std::optional<std::vector<int64_t>>& axes) {
  std::array<bool, Shape::kMaxRank> along{};
  if (!axes) along.fill(true);
  const auto rank = static_cast<int64_t>(shape.rank());
  if (axes)
    for (const int64_t axis : *axes) {
      if (axis < -rank || axis >= rank) return std::nullopt;
      along[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
    }
  Rows rows;
  enum { kOuter, kAlong, kInner } part = kOuter;
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    if (along[axis] && part == kInner) return std::nullopt;
    if (along[axis]) part = kAlong;
    if (!along[axis] && part == kAlong) part = kInner;
    (part == kOuter ? rows.outer : part == kAlong ? rows.length : rows.inner) *= shape[axis];
  }
  return rows;
}

}  // namespace anemone::runtime
