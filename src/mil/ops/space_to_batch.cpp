#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kBlockShape, kPaddings };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"block_shape", kInt32, Presence::required, BindingRule::constant},
    {"paddings", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() != 4) return violates("c1", "x has rank {}, expected 4", x.rank());
  const auto block = in.integers(kBlockShape).value_or(std::vector<int64_t>{});
  const auto paddings = in.integers(kPaddings).value_or(std::vector<int64_t>{});
  if (block.size() != 2 || paddings.size() != 4)
    return violates("c2", "block_shape has {} entries and paddings {}, expected 2 and 4",
                    block.size(), paddings.size());
  Shape shape = x;
  for (size_t i = 0; i < 2; ++i) {
    if (block[i] < 1) return violates("c3", "block_shape[{}] is {}", i, block[i]);
    if (paddings[2 * i] < 0 || paddings[2 * i + 1] < 0)
      return violates("c4", "paddings of axis {} are {}, {}", i + 2, paddings[2 * i],
                      paddings[2 * i + 1]);
    const int64_t padded = add_dims(x[i + 2], paddings[2 * i] + paddings[2 * i + 1]);
    if (padded != kUnknownDim && padded % block[i] != 0)
      return violates("c5", "axis {} has padded length {}, not divisible by {}", i + 2, padded,
                      block[i]);
    shape[i + 2] = padded == kUnknownDim ? kUnknownDim : padded / block[i];
    shape[0] = multiply_dims(shape[0], block[i]);
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const auto block = *in.integers(kBlockShape);
  const auto paddings = *in.integers(kPaddings);
  const Shape& grid = outputs[0].shape();
  Tensor padded =
      Tensor::zeros(x.dtype(), Shape{shape[0], shape[1], grid[2] * block[0], grid[3] * block[1]});
  Layout inside = Layout::dense(padded.shape());
  inside.offset = paddings[0] * inside.strides[2] + paddings[2] * inside.strides[3];
  copy_block(shape, x, Layout::dense(shape), padded, inside);
  constexpr size_t kOrder[] = {3, 5, 0, 1, 2, 4};
  copy_permuted(padded, Shape{shape[0], shape[1], grid[2], block[0], grid[3], block[1]}, kOrder,
                outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_space_to_batch{
    .name = "space_to_batch",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Pads height and width with zeros and moves blocks of "
        "pixels into the batch, whose index is "
        "(row in block, column in block, batch)."};

}  // namespace anemone::mil
