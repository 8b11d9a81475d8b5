#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kShape };
constexpr DTypeSet kShapeTypes{DType::int8, DType::int16, DType::int32};
constexpr Parameter kParameters[] = {{"x", kData}, {"shape", kShapeTypes}};

/// The axis of x that entry `i` of `shape` copies when it is 0: the same one, from iOS 17 on
/// counted from the right. Nothing when there is none: the entry is then 1.
std::optional<size_t> copied_axis(const Operands& in, size_t i, size_t length) {
  const size_t rank = in.shape(kX).rank();
  if (in.opset() < 17) return i;
  const size_t from_right = length - i;
  return from_right > rank ? std::nullopt : std::optional(rank - from_right);
}

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& vector = in.shape(kShape);
  if (vector.rank() != 1) return violates("c1", "shape has rank {}, expected 1", vector.rank());
  const auto entries = in.integers(kShape);
  if (!entries) return infer_shape_given(in, kShape, in.dtype(kX));
  if (entries->size() > Shape::kMaxRank)
    return violates("c2", "shape has {} entries, at most {} are possible", entries->size(),
                    Shape::kMaxRank);
  if (in.opset() < 17 && entries->size() != x.rank() && std::ranges::count(*entries, 0) > 0)
    return violates("c3",
                    "shape holds 0 and has {} entries; before iOS 17 x must have that rank, not {}",
                    entries->size(), x.rank());
  Shape shape;
  Shape remaining = x;  // axes of x that no 0 has copied; the copied ones become 1
  int64_t product = 1;
  std::optional<size_t> inferred;
  for (size_t i = 0; i < entries->size(); ++i) {
    int64_t dim = (*entries)[i];
    if (dim < -1) return violates("c4", "shape[{}] is {}, expected -1 or more", i, dim);
    if (dim == -1) {
      if (inferred) return violates("c5", "shape[{}] and shape[{}] are both -1", *inferred, i);
      inferred = i;
    } else if (dim == 0) {
      const auto axis = copied_axis(in, i, entries->size());
      dim = axis ? x[*axis] : 1;
      if (axis) remaining[*axis] = 1;
    } else {
      product = multiply_dims(product, dim);
    }
    shape.push_back(dim);
  }
  const int64_t count = multiply_dims(remaining, 0, remaining.rank());
  if (count == kUnknownDim) {
    if (inferred) shape[*inferred] = kUnknownDim;
  } else if (inferred ? count % product != 0 : count != product) {
    Shape wanted;
    for (const int64_t entry : *entries) wanted.push_back(entry);
    return violates("c6", "x of shape {} does not fit into {}", x.to_string(), wanted.to_string());
  } else if (inferred) {
    shape[*inferred] = count / product;
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  copy_all(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_reshape{
    .name = "reshape",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The same elements under another shape; one -1 is inferred, 0 copies a dimension of x "
        "(from iOS 17 on matched from the right)."};

}  // namespace anemone::mil
