#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxes };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"axes", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const auto axes = read_axes(in, kAxes, in.shape(kX).rank(), "c1");
  if (const auto* violation = std::get_if<Violation>(&axes)) return *violation;
  return infers(in.dtype(kX), in.shape(kX));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const auto axes = std::get<AxisSet>(read_axes(in, kAxes, shape.rank(), "c1"));
  Layout from = Layout::dense(shape);
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (!axes[axis]) continue;
    from.offset += (shape[axis] - 1) * from.strides[axis];
    from.strides[axis] = -from.strides[axis];
  }
  copy_block(shape, x, from, outputs[0], Layout::dense(shape));
  return {};
}

}  // namespace

extern constinit const OpDef k_reverse{.name = "reverse",
                                       .parameters = kParameters,
                                       .infer = infer,
                                       .eval = eval,
                                       .doc = "x with the given axes, or all, run backwards."};

}  // namespace anemone::mil
