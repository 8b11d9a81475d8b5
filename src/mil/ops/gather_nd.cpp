#include "mil/ops/block_copy.h"
#include "mil/ops/index.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kIndices, kBatchDims, kValidateIndices };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"indices", kIndexTypes},
    {"batch_dims", kInt32, Presence::optional, BindingRule::constant},
    {"validate_indices", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& indices = in.shape(kIndices);
  const int64_t batch_dims = in.integer(kBatchDims, 0);
  if (indices.rank() == 0) return violates("c1", "indices are a scalar");
  if (batch_dims < 0 || batch_dims > static_cast<int64_t>(x.rank()) ||
      batch_dims >= static_cast<int64_t>(indices.rank()))
    return violates("c2", "batch_dims is {}, x has rank {} and indices rank {}", batch_dims,
                    x.rank(), indices.rank());
  const auto batch = static_cast<size_t>(batch_dims);
  Shape shape = indices;
  const int64_t depth = indices[indices.rank() - 1];
  shape.erase(indices.rank() - 1);
  for (size_t i = 0; i < batch; ++i) {
    if (!dims_agree(x[i], indices[i]))
      return violates("c3", "batch axis {} has length {} in x and {} in indices", i, x[i],
                      indices[i]);
    if (shape[i] == kUnknownDim) shape[i] = x[i];
  }
  if (depth == kUnknownDim) {
    ValueType type = ValueType::of(in.dtype(kX), {});
    type.tensor.variable_rank = true;
    return std::vector{type};
  }
  if (depth > static_cast<int64_t>(x.rank() - batch))
    return violates("c4", "an index has {} entries, x has {} axes after {} batch axes", depth,
                    x.rank() - batch, batch);
  const size_t first = batch + static_cast<size_t>(depth);
  if (shape.rank() + x.rank() - first > Shape::kMaxRank)
    return violates("c5", "the result has rank {}, at most {} is possible",
                    shape.rank() + x.rank() - first, Shape::kMaxRank);
  for (size_t i = first; i < x.rank(); ++i) shape.push_back(x[i]);
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& indices = *in.value(kIndices);
  const IndexRules rules(in, kValidateIndices);
  const auto batch_dims = static_cast<size_t>(in.integer(kBatchDims, 0));
  const size_t last = indices.shape().rank() - 1;
  const auto depth = static_cast<size_t>(indices.shape()[last]);
  const int64_t run = multiply_dims(x.shape(), batch_dims + depth, x.shape().rank());
  const int64_t batch_size = multiply_dims(x.shape(), batch_dims, x.shape().rank());
  const int64_t rows = multiply_dims(indices.shape(), 0, last);
  const int64_t rows_per_batch = multiply_dims(indices.shape(), batch_dims, last);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t from = row / rows_per_batch * batch_size;
    bool inside = true;
    for (size_t i = 0; i < depth; ++i) {
      const size_t axis = batch_dims + i;
      const auto index = static_cast<int64_t>(
          indices.at(row * static_cast<int64_t>(depth) + static_cast<int64_t>(i)));
      ANEMONE_TRY(const int64_t position, rules.position(index, x.shape()[axis]));
      inside = inside && position != IndexRules::kNowhere;
      from += position * x.shape().stride(axis);
    }
    if (inside) copy_run(x, from, outputs[0], row * run, run);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_gather_nd{
    .name = "gather_nd",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Slices of x at the coordinates that the last axis of indices holds."};

}  // namespace anemone::mil
