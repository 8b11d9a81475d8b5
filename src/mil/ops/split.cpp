#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kNumSplits, kSplitSizes, kAxis };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"num_splits", kInt32, Presence::optional, BindingRule::constant},
    {"split_sizes", kInt32, Presence::optional, BindingRule::constant},
    {"axis", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t output_count) {
  const Shape& x = in.shape(kX);
  const auto axis = axis_from_front(in.integer(kAxis, 0), x.rank());
  if (!axis) return violates("c1", "axis is {}, x has rank {}", in.integer(kAxis, 0), x.rank());
  const auto sizes = in.integers(kSplitSizes);
  if (!sizes && !in.has(kNumSplits))
    return violates("c2", "neither num_splits nor split_sizes is given");
  const int64_t count =
      in.integer(kNumSplits, sizes ? static_cast<int64_t>(sizes->size()) : int64_t{0});
  if (count < 1 || (sizes && static_cast<size_t>(count) != sizes->size()))
    return violates("c3", "num_splits is {}, split_sizes has {} entries", count,
                    sizes ? sizes->size() : size_t{0});
  if (static_cast<size_t>(count) != output_count)
    return violates("c4", "{} outputs are declared, expected {}", output_count, count);
  const int64_t length = x[*axis];
  if (!sizes && length != kUnknownDim && length % count != 0)
    return violates("c5", "axis {} has length {}, not divisible by {}", *axis, length, count);
  int64_t total = 0;
  std::vector<ValueType> types;
  for (size_t i = 0; i < output_count; ++i) {
    Shape shape = x;
    shape[*axis] = sizes ? (*sizes)[i] : length == kUnknownDim ? kUnknownDim : length / count;
    if (sizes && shape[*axis] < 0) return violates("c6", "split_sizes[{}] is {}", i, shape[*axis]);
    total = add_dims(total, shape[*axis]);
    types.push_back(ValueType::of(in.dtype(kX), shape));
  }
  if (!dims_agree(total, length))
    return violates("c7", "the sizes add up to {}, axis {} has length {}", total, *axis, length);
  return types;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), x.shape().rank());
  Layout from = Layout::dense(x.shape());
  for (Tensor& output : outputs) {
    copy_block(output.shape(), x, from, output, Layout::dense(output.shape()));
    from.offset += output.shape()[axis] * from.strides[axis];
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_split{
    .name = "split",
    .parameters = kParameters,
    .outputs = kAnyOutputs,
    .infer = infer,
    .eval = eval,
    .doc = "Cuts a tensor along an axis into equal parts or parts of the given sizes."};

}  // namespace anemone::mil
