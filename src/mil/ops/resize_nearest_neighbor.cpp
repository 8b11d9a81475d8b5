#include "mil/ops/resampling.h"
#include "mil/ops/upsample.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kTargetSizeHeight, kTargetSizeWidth };
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"target_size_height", kInt32, Presence::required, BindingRule::constant},
    {"target_size_width", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  return infer_resized(in, kX, kTargetSizeHeight, kTargetSizeWidth);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& to = outputs[0].shape();
  const size_t row = to.rank() - 2;
  resample_last_axes(
      x, {floor_taps(x.shape()[row], to[row]), floor_taps(x.shape()[row + 1], to[row + 1])},
      outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_resize_nearest_neighbor{
    .name = "resize_nearest_neighbor",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Height and width set to the target size; element i is element floor(i * in / out) of x."};

}  // namespace anemone::mil
