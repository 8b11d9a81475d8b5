#include "mil/ops/axes.h"

namespace anemone::mil {
namespace {

/// Offsets of all elements along the chosen axes, row-major.
std::vector<int64_t> offsets_along(const Shape& shape, const AxisSet& axes, bool chosen) {
  std::vector<int64_t> offsets{0};
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axes[axis] != chosen) continue;
    const int64_t stride = shape.stride(axis);
    std::vector<int64_t> next;
    next.reserve(offsets.size() * static_cast<size_t>(shape[axis]));
    for (const int64_t offset : offsets)
      for (int64_t i = 0; i < shape[axis]; ++i) next.push_back(offset + i * stride);
    offsets = std::move(next);
  }
  return offsets;
}

}  // namespace

std::optional<size_t> axis_from_front(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

AxisSet only_axis(size_t axis, size_t rank) {
  AxisSet axes(rank, false);
  axes[axis] = true;
  return axes;
}

std::variant<AxisSet, Violation> read_axes(const Operands& in, size_t p, size_t rank,
                                           std::string_view id) {
  const auto listed = in.integers(p);
  if (!listed) return AxisSet(rank, true);
  AxisSet axes(rank, false);
  for (const int64_t axis : *listed) {
    const auto front = axis_from_front(axis, rank);
    if (!front) return violates(id, "axis {} is outside the {} axes of x", axis, rank);
    if (axes[*front]) return violates(id, "axis {} is named twice", axis);
    axes[*front] = true;
  }
  return axes;
}

Groups group_along(const Shape& shape, const AxisSet& axes) {
  return {offsets_along(shape, axes, false), offsets_along(shape, axes, true)};
}

std::vector<double> read_group(const Tensor& tensor, const Groups& groups, size_t g) {
  std::vector<double> values;
  values.reserve(groups.members.size());
  for (const int64_t member : groups.members)
    values.push_back(tensor.at(groups.starts[g] + member));
  return values;
}

}  // namespace anemone::mil
