#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxis };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"axis", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const auto rank = static_cast<int64_t>(x.rank());
  const int64_t axis = in.integer(kAxis, 1);
  if (axis < -rank || axis > rank)
    return violates("c1", "axis is {}, expected {} to {}", axis, -rank, rank);
  const auto cut = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  return infers(in.dtype(kX), Shape{multiply_dims(x, 0, cut), multiply_dims(x, cut, x.rank())});
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  copy_all(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_flatten2d{
    .name = "flatten2d",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "x as a matrix: the axes before `axis` become its rows, the others its columns."};

}  // namespace anemone::mil
