#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxis, kSize, kStride };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"axis", kInt32, Presence::required, BindingRule::constant},
                                     {"size", kInt32, Presence::required, BindingRule::constant},
                                     {"stride", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  Shape shape = in.shape(kX);
  const auto axis = axis_from_front(in.integer(kAxis, 0), shape.rank());
  if (!axis) return violates("c1", "axis is {}, x has rank {}", in.integer(kAxis, 0), shape.rank());
  if (shape.rank() == Shape::kMaxRank)
    return violates("c2", "x has rank {}, at most {} is possible", shape.rank(),
                    Shape::kMaxRank - 1);
  const int64_t size = in.integer(kSize, 1);
  const int64_t stride = in.integer(kStride, 1);
  const int64_t length = shape[*axis];
  if (size < 1 || stride < 1 || (length != kUnknownDim && size > length))
    return violates("c3", "windows of size {} with stride {} on an axis of length {}", size, stride,
                    length);
  if (length != kUnknownDim) shape[*axis] = (length - size) / stride + 1;
  shape.insert(*axis + 1, size);
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), x.shape().rank());
  const Shape& block = outputs[0].shape();
  Layout from;
  for (size_t i = 0; i < block.rank(); ++i)
    from.strides[i] = x.shape().stride(i <= axis ? i : i - 1);
  from.strides[axis] *= in.integer(kStride, 1);
  copy_block(block, x, from, outputs[0], Layout::dense(block));
  return {};
}

}  // namespace

extern constinit const OpDef k_sliding_windows{
    .name = "sliding_windows",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "All windows of `size` elements along an axis, `stride` apart, on a new axis behind it."};

}  // namespace anemone::mil
