#include "runtime/view.h"

#include <algorithm>
#include <array>

#include "mil/ops/slice.h"

namespace anemone::runtime {
namespace {

constexpr std::array<std::string_view, 5> kReshapes = {"expand_dims", "flatten2d", "identity",
                                                       "reshape", "squeeze"};

bool moves_only_single_dimensions(const Shape& shape, std::span<const int64_t> perm) {
  int64_t last = -1;
  for (int64_t axis : perm) {
    if (axis < 0) axis += static_cast<int64_t>(shape.rank());
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

/// Bytes of x cut by `slice`, when they are in one piece.
std::optional<View> contiguous(const Arguments& arguments, const mil::Slice& slice) {
  const Shape& shape = arguments.shape("x");
  size_t axis = 0;
  while (axis < slice.rank && slice.axes[axis].count == 1) ++axis;
  // Behind leading single elements, one axis may be cut; all that follow must be whole.
  for (size_t inner = axis; inner < slice.rank; ++inner) {
    if (slice.axes[inner].stride != 1) return std::nullopt;
    if (inner > axis && slice.axes[inner].count != shape[inner]) return std::nullopt;
  }
  return View{.operand = arguments.flat("x"), .first_element = slice.layout(shape).offset};
}

std::optional<View> of_slice_by_index(const Arguments& arguments) {
  for (const auto* parameter : {"begin", "end", "stride", "begin_mask", "end_mask", "squeeze_mask"})
    if (!arguments.is_known(parameter)) return std::nullopt;
  const auto slice =
      mil::resolve_slice(arguments.operands(), arguments.shape("x"),
                         {arguments.index("begin"), arguments.index("end"),
                          arguments.index("stride"), arguments.index("begin_mask"),
                          arguments.index("end_mask"), arguments.index("squeeze_mask")});
  const auto* resolved = std::get_if<mil::Slice>(&slice);
  return resolved != nullptr ? contiguous(arguments, *resolved) : std::nullopt;
}

std::optional<View> of_slice_by_size(const Arguments& arguments, const Shape& result) {
  const auto begin = arguments.integers("begin");
  if (!begin) return std::nullopt;
  mil::Slice slice;
  slice.rank = result.rank();
  for (size_t axis = 0; axis < slice.rank; ++axis) {
    const int64_t dim = arguments.shape("x")[axis];
    const int64_t first = (*begin)[axis] < 0 ? (*begin)[axis] + dim : (*begin)[axis];
    if (first < 0 || first + result[axis] > dim) return std::nullopt;
    slice.axes[axis] = {.begin = first, .count = result[axis]};
  }
  return contiguous(arguments, slice);
}

std::optional<View> of_split(const Arguments& arguments, std::span<const mil::ValueType> outputs,
                             size_t output) {
  const Shape& shape = arguments.shape("x");
  int64_t axis = arguments.integer("axis", 0);
  if (axis < 0) axis += static_cast<int64_t>(shape.rank());
  const auto cut = static_cast<size_t>(axis);
  mil::Slice slice;
  slice.rank = shape.rank();
  for (size_t a = 0; a < slice.rank; ++a) slice.axes[a].count = outputs[output].tensor.shape[a];
  for (size_t before = 0; before < output; ++before)
    slice.axes[cut].begin += outputs[before].tensor.shape[cut];
  return contiguous(arguments, slice);
}

std::optional<View> find(const mil::OpDef& op, const Arguments& arguments,
                         std::span<const mil::ValueType> outputs, size_t output) {
  const Shape& result = outputs[output].tensor.shape;
  if (op.name == "cast" || std::ranges::find(kReshapes, op.name) != kReshapes.end())
    return View{.operand = arguments.flat("x")};
  if (op.name == "transpose") {
    const auto perm = arguments.integers("perm");
    if (perm && moves_only_single_dimensions(arguments.shape("x"), *perm))
      return View{.operand = arguments.flat("x")};
  }
  if (op.name == "tile" && result == arguments.shape("x"))
    return View{.operand = arguments.flat("x")};
  if (op.name == "slice_by_index") return of_slice_by_index(arguments);
  if (op.name == "slice_by_size") return of_slice_by_size(arguments, result);
  if (op.name == "split") return of_split(arguments, outputs, output);
  return std::nullopt;
}

}  // namespace

std::optional<View> find_view(const mil::OpDef& op, const mil::Operands& operands,
                              std::span<const DType> operand_storage,
                              std::span<const mil::ValueType> outputs, size_t output,
                              DType output_storage) {
  if (is_sub_byte(output_storage) || output_storage == DType::string) return std::nullopt;
  const auto view = find(op, Arguments(op, operands), outputs, output);
  if (!view || operand_storage[view->operand] != output_storage) return std::nullopt;
  return view;
}

}  // namespace anemone::runtime
