#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kCropHeight, kCropWidth };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"crop_height", kInt32, Presence::required, BindingRule::constant},
    {"crop_width", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  Shape shape = in.shape(kX);
  if (shape.rank() < 3) return violates("c1", "x has rank {}, expected 3 or more", shape.rank());
  for (const size_t p : {kCropHeight, kCropWidth}) {
    const auto amounts = in.integers(p).value_or(std::vector<int64_t>{});
    if (amounts.size() != 2)
      return violates("c2", "{} has {} entries, expected 2", kParameters[p].name, amounts.size());
    int64_t& length = shape[shape.rank() - (p == kCropHeight ? 2 : 1)];
    const int64_t amount = amounts[0] + amounts[1];
    if (amounts[0] < 0 || amounts[1] < 0 || (length != kUnknownDim && amount > length))
      return violates("c3", "{} is {}, {} of a length of {}", kParameters[p].name, amounts[0],
                      amounts[1], length);
    if (length != kUnknownDim) length -= amount;
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& block = outputs[0].shape();
  Layout from = Layout::dense(x.shape());
  from.offset = (*in.integers(kCropHeight))[0] * from.strides[block.rank() - 2] +
                (*in.integers(kCropWidth))[0];
  copy_block(block, x, from, outputs[0], Layout::dense(block));
  return {};
}

}  // namespace

extern constinit const OpDef k_crop{
    .name = "crop",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "x without the given numbers of rows at top and bottom and columns at left and right."};

}  // namespace anemone::mil
