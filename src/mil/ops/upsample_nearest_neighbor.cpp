#include "mil/ops/resampling.h"
#include "mil/ops/upsample.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kScaleFactorHeight, kScaleFactorWidth };
constexpr DTypeSet kFactor = kFloat | kInt32;
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"scale_factor_height", kFactor, Presence::optional, BindingRule::constant},
    {"scale_factor_width", kFactor, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  return infer_upsampled(in, kX, kScaleFactorHeight, kScaleFactorWidth);
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

extern constinit const OpDef k_upsample_nearest_neighbor{
    .name = "upsample_nearest_neighbor",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Height and width scaled to floor(length * factor); element i is element floor(i * in / "
        "out) "
        "of x."};

}  // namespace anemone::mil
