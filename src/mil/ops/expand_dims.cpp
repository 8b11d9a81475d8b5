#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxes };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"axes", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const auto axes = in.integers(kAxes).value_or(std::vector<int64_t>{});
  const size_t rank = x.rank() + axes.size();
  if (rank > Shape::kMaxRank)
    return violates("c1", "the result has rank {}, at most {} is possible", rank, Shape::kMaxRank);
  std::array<bool, Shape::kMaxRank> inserted{};
  for (const int64_t entry : axes) {
    const auto axis = axis_from_front(entry, rank);
    if (!axis) return violates("c2", "axes holds {}, the result has rank {}", entry, rank);
    if (inserted[*axis]) return violates("c3", "axes names axis {} twice", *axis);
    inserted[*axis] = true;
  }
  Shape shape;
  size_t next = 0;
  for (size_t axis = 0; axis < rank; ++axis) shape.push_back(inserted[axis] ? 1 : x[next++]);
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  copy_all(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_expand_dims{
    .name = "expand_dims",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Inserts axes of length 1; `axes` are positions in the result."};

}  // namespace anemone::mil
