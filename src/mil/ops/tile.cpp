#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kReps };
constexpr Parameter kParameters[] = {{"x", kData}, {"reps", kInt32}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& vector = in.shape(kReps);
  if (vector.rank() != 1 || !dims_agree(vector[0], static_cast<int64_t>(x.rank())))
    return violates("c1", "reps has shape {}, expected [{}]", vector.to_string(), x.rank());
  const auto reps = in.integers(kReps);
  Shape shape = x;
  for (size_t axis = 0; axis < x.rank(); ++axis) {
    if (reps && (*reps)[axis] < 0)
      return violates("c2", "reps[{}] is {}, expected 0 or more", axis, (*reps)[axis]);
    shape[axis] = reps ? multiply_dims(x[axis], (*reps)[axis]) : kUnknownDim;
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const size_t rank = x.shape().rank();
  if (outputs[0].element_count() == 0) return {};
  // An axis of length 1 repeats inside one block copy (source stride 0); other axes by one copy
  // each repetition.
  Shape block = x.shape();
  Layout from = Layout::dense(x.shape());
  const Layout to = Layout::dense(outputs[0].shape());
  std::array<int64_t, Shape::kMaxRank> copies{};
  for (size_t axis = 0; axis < rank; ++axis) {
    const bool inside = block[axis] == 1;
    copies[axis] = inside ? 1 : outputs[0].shape()[axis] / block[axis];
    if (inside) {
      block[axis] = outputs[0].shape()[axis];
      from.strides[axis] = 0;
    }
  }
  std::array<int64_t, Shape::kMaxRank> copy{};
  while (true) {
    Layout target = to;
    for (size_t axis = 0; axis < rank; ++axis)
      target.offset += copy[axis] * block[axis] * to.strides[axis];
    copy_block(block, x, from, outputs[0], target);
    size_t axis = rank;
    while (axis > 0 && ++copy[axis - 1] == copies[axis - 1]) copy[--axis] = 0;
    if (axis == 0) return {};
  }
}

}  // namespace

extern constinit const OpDef k_tile{.name = "tile",
                                    .parameters = kParameters,
                                    .infer = infer,
                                    .eval = eval,
                                    .doc = "Repeats x reps[i] times along axis i."};

}  // namespace anemone::mil
