#pragma once

#include "mil/ops/axes.h"

/// Reductions: a group of elements becomes one.
namespace anemone::mil {

enum : size_t { kReduceX, kReduceAxes, kReduceKeepDims };
inline constexpr Parameter kReduceParameters[] = {
    {"x", kFloat | kInt32},
    {"axes", kInt32, Presence::optional, BindingRule::constant},
    {"keep_dims", kBool, Presence::optional, BindingRule::constant}};

/// x's dtype; reduced axes leave, or stay with length 1. Constraint: c1 the axes.
Inferred infer_reduce(const Operands& in, size_t);

/// Every group of x along the axes becomes F(group), rounded once.
template <double (*F)(std::span<const double>)>
Status eval_reduce(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kReduceX);
  const auto axes = read_axes(in, kReduceAxes, x.shape().rank(), "c1");
  const Groups groups = group_along(x.shape(), std::get<AxisSet>(axes));
  for (size_t g = 0; g < groups.starts.size(); ++g)
    outputs[0].set(static_cast<int64_t>(g), F(read_group(x, groups, g)));
  return {};
}

enum : size_t { kReduceArgX, kReduceArgAxis, kReduceArgKeepDims, kReduceArgOutputDtype };
inline constexpr Parameter kReduceArgParameters[] = {
    {"x", kFloat | kInt32},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"keep_dims", kBool, Presence::optional, BindingRule::constant},
    {"output_dtype", kString, Presence::optional, BindingRule::constant}};

/// int32, or what output_dtype says. Constraints: c1 the axis, c2 output_dtype.
Inferred infer_reduce_arg(const Operands& in, size_t);

/// Every group of x along the axis becomes the index of its first element that no other is
/// `Better` than.
template <bool (*Better)(double value, double best)>
Status eval_reduce_arg(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kReduceArgX);
  const size_t rank = x.shape().rank();
  const size_t axis = *axis_from_front(in.integer(kReduceArgAxis, -1), rank);
  const Groups groups = group_along(x.shape(), only_axis(axis, rank));
  for (size_t g = 0; g < groups.starts.size(); ++g) {
    const std::vector<double> values = read_group(x, groups, g);
    size_t best = 0;
    for (size_t i = 1; i < values.size(); ++i)
      if (Better(values[i], values[best])) best = i;
    outputs[0].set(static_cast<int64_t>(g), static_cast<double>(best));
  }
  return {};
}

}  // namespace anemone::mil
