#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxes };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"axes", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const auto axes = in.integers(kAxes);
  std::array<bool, Shape::kMaxRank> chosen{};
  for (size_t axis = 0; axis < x.rank(); ++axis) chosen[axis] = !axes;
  for (const int64_t entry : axes.value_or(std::vector<int64_t>{})) {
    const auto axis = axis_from_front(entry, x.rank());
    if (!axis) return violates("c1", "axes holds {}, x has rank {}", entry, x.rank());
    chosen[*axis] = true;
  }
  Shape shape;
  for (size_t axis = 0; axis < x.rank(); ++axis)
    if (!chosen[axis] || x[axis] != 1) shape.push_back(x[axis]);
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  copy_all(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_squeeze{
    .name = "squeeze",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Drops axes of length 1: those of `axes` (others named there "
        "stay), or all. A dimension that "
        "is unknown before run time is taken as not 1."};

}  // namespace anemone::mil
