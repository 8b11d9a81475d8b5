#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/index.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kIndices, kAxis, kBatchDims, kValidateIndices };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"indices", kIndexTypes},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"batch_dims", kInt32, Presence::optional, BindingRule::constant},
    {"validate_indices", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& indices = in.shape(kIndices);
  const auto axis = axis_from_front(in.integer(kAxis, 0), x.rank());
  if (!axis) return violates("c1", "axis is {}, x has rank {}", in.integer(kAxis, 0), x.rank());
  const int64_t batch_dims = in.integer(kBatchDims, 0);
  if (batch_dims < 0 || batch_dims > static_cast<int64_t>(*axis) ||
      batch_dims > static_cast<int64_t>(indices.rank()))
    return violates("c2", "batch_dims is {}, expected 0 to {} (axis {}, indices of rank {})",
                    batch_dims, std::min(*axis, indices.rank()), *axis, indices.rank());
  const auto batch = static_cast<size_t>(batch_dims);
  if (x.rank() - 1 + indices.rank() - batch > Shape::kMaxRank)
    return violates("c3", "the result has rank {}, at most {} is possible",
                    x.rank() - 1 + indices.rank() - batch, Shape::kMaxRank);
  Shape shape;
  for (size_t i = 0; i < *axis; ++i) {
    if (i < batch && !dims_agree(x[i], indices[i]))
      return violates("c4", "batch axis {} has length {} in x and {} in indices", i, x[i],
                      indices[i]);
    shape.push_back(i < batch && x[i] == kUnknownDim ? indices[i] : x[i]);
  }
  for (size_t i = batch; i < indices.rank(); ++i) shape.push_back(indices[i]);
  for (size_t i = *axis + 1; i < x.rank(); ++i) shape.push_back(x[i]);
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& indices = *in.value(kIndices);
  const Shape& shape = x.shape();
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), shape.rank());
  const auto batch_dims = static_cast<size_t>(in.integer(kBatchDims, 0));
  const IndexRules rules(in, kValidateIndices);
  const int64_t batches = multiply_dims(shape, 0, batch_dims);
  const int64_t outer = multiply_dims(shape, batch_dims, axis);
  const int64_t inner = multiply_dims(shape, axis + 1, shape.rank());
  const int64_t picks = multiply_dims(indices.shape(), batch_dims, indices.shape().rank());
  int64_t to = 0;
  for (int64_t row = 0; row < batches * outer; ++row) {
    for (int64_t i = 0; i < picks; ++i, to += inner) {
      const auto index = static_cast<int64_t>(indices.at(row / outer * picks + i));
      ANEMONE_TRY(const int64_t position, rules.position(index, shape[axis]));
      if (position != IndexRules::kNowhere)
        copy_run(x, (row * shape[axis] + position) * inner, outputs[0], to, inner);
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_gather{
    .name = "gather",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Slices of x along an axis, chosen by indices; the first batch_dims axes are shared."};

}  // namespace anemone::mil
