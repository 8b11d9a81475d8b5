#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kLengths, kSeqAxis, kBatchAxis };
constexpr DTypeSet kLengthTypes{DType::int8, DType::int16, DType::int32};
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"lengths", kLengthTypes},
    {"seq_axis", kInt32, Presence::optional, BindingRule::constant},
    {"batch_axis", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& lengths = in.shape(kLengths);
  const auto sequence = axis_from_front(in.integer(kSeqAxis, 0), x.rank());
  const auto batch = axis_from_front(in.integer(kBatchAxis, 0), x.rank());
  if (!sequence || !batch)
    return violates("c1", "seq_axis is {} and batch_axis is {}, x has rank {}",
                    in.integer(kSeqAxis, 0), in.integer(kBatchAxis, 0), x.rank());
  if (*sequence == *batch) return violates("c2", "seq_axis and batch_axis are both {}", *batch);
  if (lengths.rank() != 1 || !dims_agree(lengths[0], x[*batch]))
    return violates("c3", "lengths has shape {}, expected [{}]", lengths.to_string(), x[*batch]);
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& lengths = *in.value(kLengths);
  const size_t sequence = *axis_from_front(in.integer(kSeqAxis, 0), x.shape().rank());
  const size_t batch = *axis_from_front(in.integer(kBatchAxis, 0), x.shape().rank());
  copy_all(x, outputs[0]);
  Shape block = x.shape();
  block[batch] = 1;
  for (int64_t i = 0; i < x.shape()[batch]; ++i) {
    block[sequence] =
        std::clamp<int64_t>(static_cast<int64_t>(lengths.at(i)), 0, x.shape()[sequence]);
    Layout to = Layout::dense(x.shape());
    to.offset = i * to.strides[batch];
    Layout from = to;
    from.offset += (block[sequence] - 1) * from.strides[sequence];
    from.strides[sequence] = -from.strides[sequence];
    copy_block(block, x, from, outputs[0], to);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_reverse_sequence{
    .name = "reverse_sequence",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Runs the first lengths[b] elements of seq_axis backwards in batch b; lengths are clamped "
        "to the axis."};

}  // namespace anemone::mil
