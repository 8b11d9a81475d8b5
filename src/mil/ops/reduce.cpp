#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

Shape reduced_shape(const Shape& shape, const AxisSet& axes, bool keep_dims) {
  Shape result;
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (!axes[axis]) {
      result.push_back(shape[axis]);
    } else if (keep_dims) {
      result.push_back(1);
    }
  }
  return result;
}

}  // namespace

Inferred infer_reduce(const Operands& in, size_t) {
  const Shape& x = in.shape(kReduceX);
  const auto axes = read_axes(in, kReduceAxes, x.rank(), "c1");
  if (const auto* violation = std::get_if<Violation>(&axes)) return *violation;
  const bool keep_dims = in.boolean(kReduceKeepDims, false);
  return std::vector{
      ValueType::of(in.dtype(kReduceX), reduced_shape(x, std::get<AxisSet>(axes), keep_dims))};
}

Inferred infer_reduce_arg(const Operands& in, size_t) {
  const Shape& x = in.shape(kReduceArgX);
  const int64_t axis = in.integer(kReduceArgAxis, -1);
  const auto front = axis_from_front(axis, x.rank());
  if (!front) return violates("c1", "axis {} is outside the {} axes of x", axis, x.rank());
  const std::string_view text = in.text(kReduceArgOutputDtype, "int32");
  const auto dtype = parse_dtype(text);
  if (dtype != DType::int32 && dtype != DType::uint16)
    return violates("c2", "output_dtype is \"{}\", expected int32 or uint16", text);
  return std::vector{ValueType::of(*dtype, reduced_shape(x, only_axis(*front, x.rank()),
                                                         in.boolean(kReduceArgKeepDims, false)))};
}

}  // namespace anemone::mil
