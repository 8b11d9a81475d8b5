#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mil/op.h"

/// Axes as parameters write them, negative ones counted from the back, and walks along them.
namespace anemone::mil {

/// `axis` counted from the front, or nothing when it is outside [-rank, rank).
std::optional<size_t> axis_from_front(int64_t axis, size_t rank);

/// Which axes of a shape an operation works along.
using AxisSet = std::vector<bool>;

/// The set of one axis.
AxisSet only_axis(size_t axis, size_t rank);

/// The axes of parameter `p`, all `rank` of them when it is absent, or the violation `id`: an axis
/// outside the rank, or one named twice.
std::variant<AxisSet, Violation> read_axes(const Operands& in, size_t p, size_t rank,
                                           std::string_view id);

/// A tensor as groups of elements that an operation treats together: element i of group g lies at
/// starts[g] + members[i]. Both lists run in row-major order.
struct Groups {
  std::vector<int64_t> starts;
  std::vector<int64_t> members;
};

/// One group per index of the other axes; its members run along `axes`.
Groups group_along(const Shape& shape, const AxisSet& axes);

/// The elements of group `g` of `tensor`.
std::vector<double> read_group(const Tensor& tensor, const Groups& groups, size_t g);

}  // namespace anemone::mil
