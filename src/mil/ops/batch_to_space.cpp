#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kBlockShape, kCrops };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"block_shape", kInt32, Presence::required, BindingRule::constant},
    {"crops", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() != 4) return violates("c1", "x has rank {}, expected 4", x.rank());
  const auto block = in.integers(kBlockShape).value_or(std::vector<int64_t>{});
  const auto crops = in.integers(kCrops).value_or(std::vector<int64_t>{});
  if (block.size() != 2 || crops.size() != 4)
    return violates("c2", "block_shape has {} entries and crops {}, expected 2 and 4", block.size(),
                    crops.size());
  Shape shape = x;
  for (size_t i = 0; i < 2; ++i) {
    if (block[i] < 1) return violates("c3", "block_shape[{}] is {}", i, block[i]);
    const int64_t cropped = crops[2 * i] + crops[2 * i + 1];
    const int64_t length = multiply_dims(x[i + 2], block[i]);
    if (crops[2 * i] < 0 || crops[2 * i + 1] < 0 || (length != kUnknownDim && cropped > length))
      return violates("c4", "crops of axis {} are {}, {}, its length is {}", i + 2, crops[2 * i],
                      crops[2 * i + 1], length);
    shape[i + 2] = length == kUnknownDim ? kUnknownDim : length - cropped;
  }
  const int64_t blocks = block[0] * block[1];
  if (x[0] != kUnknownDim && x[0] % blocks != 0)
    return violates("c5", "the batch is {}, not divisible by {}", x[0], blocks);
  shape[0] = x[0] == kUnknownDim ? kUnknownDim : x[0] / blocks;
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const auto block = *in.integers(kBlockShape);
  const auto crops = *in.integers(kCrops);
  const int64_t batch = outputs[0].shape()[0];
  Tensor whole =
      Tensor::zeros(x.dtype(), Shape{batch, shape[1], shape[2] * block[0], shape[3] * block[1]});
  constexpr size_t kOrder[] = {2, 3, 4, 0, 5, 1};
  copy_permuted(x, Shape{block[0], block[1], batch, shape[1], shape[2], shape[3]}, kOrder, whole);
  Layout inside = Layout::dense(whole.shape());
  inside.offset = crops[0] * inside.strides[2] + crops[2] * inside.strides[3];
  copy_block(outputs[0].shape(), whole, inside, outputs[0], Layout::dense(outputs[0].shape()));
  return {};
}

}  // namespace

extern constinit const OpDef k_batch_to_space{
    .name = "batch_to_space",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Moves the batch, whose index is (row in block, column in block, batch), into blocks of "
        "pixels and crops height and width."};

}  // namespace anemone::mil
